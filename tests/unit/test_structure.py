"""Structured documents: shapes, places, templates, and what must be refused without a crash or a long wait."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.errors import UnreadableError
from credguard.parsers.document import Node, is_structured, parse_document, parse_embedded
from tests.pace import PACE


def one(text: str, path: str) -> Node:
    """The only document of a text."""
    (document,) = parse_document(text.encode(), path)
    return document


def at(node: Node, *keys: str) -> Node:
    """The value under a path of keys."""
    for key in keys:
        found = node.get(key)
        assert found is not None, key
        node = found
    return node


def refusal(data: bytes, path: str) -> str:
    """The message with which a document is refused."""
    with pytest.raises(UnreadableError) as raised:
        parse_document(data, path)
    return raised.value.message


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("a.yaml", True), ("A.YML", True), ("x/b.json", True), ("main.tf", True), ("main.tf.json", True),
        ("terragrunt.hcl", True), ("a.tofu", True), ("stack.template", True), ("a.py", False), ("yaml", False),
        ("policy.json.j2", False),
    ],
)  # fmt: skip
def test_names(path: str, known: bool) -> None:
    assert is_structured(path) is known


def test_yaml_has_places_tags_and_types() -> None:
    text = "a: !Sub x\nb: !GetAtt r.Arn\nc: [1, true, null, 'true', 1.5]\nd:\n  - !Ref e\n"
    document = one(text, "a.yaml")
    assert (at(document, "a").tag, at(document, "b").tag, at(document, "b").text) == ("Sub", "GetAtt", "r.Arn")
    assert [item.type for item in at(document, "c").items] == ["int", "bool", "null", "str", "float"]
    item = at(document, "d").items[0]
    assert (item.line, item.column, item.tag, item.text) == (5, 5, "Ref", "e")
    assert document.get("A") is None
    assert document.get("A", caseless=True) is at(document, "a")


def test_yaml_reads_every_document_and_keeps_keys_written_twice() -> None:
    first, second = parse_document(b"a: 1\na: 2\n---\nb: 3\n", "a.yml")
    assert [node.text for node in first.get_all("a")] == ["1", "2"]
    assert at(second, "b").line == 4


def test_yaml_merges_behind_what_is_written() -> None:
    document = one("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\nz:\n  <<: [*x]\n", "a.yaml")
    assert [key.text for key, _ in at(document, "y").pairs] == ["a", "a", "b"]
    assert at(document, "y", "a").text == "3"
    assert at(document, "z", "b").text == "2"


def test_yaml_that_is_json_with_tabs() -> None:
    assert at(one('{\n\t"a": {\n\t\t"b": 1}}', "a.yaml"), "a", "b").line == 3


def test_json_has_places_and_bears_with_comments() -> None:
    document = one('{ // why\n  "a": [1, -2.5, "x\\u0041\\n", true,],\n  /* so\n */ "b": {}\n}', "a.json")
    assert [item.text for item in at(document, "a").items] == ["1", "-2.5", "xA\n", "true"]
    assert (at(document, "b").line, at(document, "b").column) == (4, 10)


def test_json_lines_are_documents_each() -> None:
    assert [at(node, "a").text for node in parse_document(b'{"a": 1}\n{"a": 2}\n', "a.json")] == ["1", "2"]
    assert parse_document(b"", "a.json") == ()


def test_json_of_other_encodings() -> None:
    assert at(parse_document('{"a": "ü"}'.encode("utf-16"), "a.json")[0], "a").text == "ü"
    assert at(parse_document(b'\xef\xbb\xbf{"a": "x"}', "a.json")[0], "a").column == 7


MARKS = ["a", " = ", ": ", '"x"', "${", "}", "{", "[", "]", "(", ")", ",", "\n", "#", "<<E\n", "E", "- ", "&a ", "*a"]
MARKS += ["{{", "}}", "for ", "1", ".", "\\"]
HCL = """# a comment with "quotes" and { braces
locals {
  list = ["a", "b", var.c]
  call = jsonencode({ Action = "*", "Resource" : ["*"] })
}
resource "aws_iam_policy" "x" { // another
  name   = "n-${var.env}-\\"q\\""
  policy = <<-EOT
    {"Statement": [
      {"Effect": "Allow"}]}
  EOT
  choice = var.on ? "yes" : "no"
  each   = [for s in var.list : upper(s) if s != ""]
  map    = { for k, v in var.m : k => v... }
  none   = null
  splat  = aws_x.y[*].id
  one    = (true)
  neg    = -1
  fn     = provider::aws::arn("x")
  block "l" { a = 1 }
  block "m" {
  }
  /* over
     lines */
}
"""


def test_hcl_nests_labels_as_json_does() -> None:
    body = at(one(HCL, "main.tf"), "resource", "aws_iam_policy", "x")
    assert (body.tag, body.line, at(body, "name").line) == ("block", 6, 7)
    assert at(body, "name").text == 'n-${var.env}-"q"'
    assert at(body, "name").type == "template"
    assert at(body, "none").type == "null"
    assert at(body, "one").type == "bool"
    assert [next(iter(block.pairs))[0].text for block in body.get_all("block")] == ["l", "m"]


def test_hcl_expressions_show_the_values_in_them() -> None:
    document = one(HCL, "main.tf")
    call = at(document, "locals", "call")
    assert (call.kind, call.tag, call.line) == ("call", "jsonencode", 4)
    assert [key.text for key, _ in call.items[0].pairs] == ["Action", "Resource"]
    body = at(document, "resource", "aws_iam_policy", "x")
    assert [item.text for item in at(body, "choice").items] == ["yes", "no"]
    assert at(body, "splat").kind == "call"
    assert at(body, "splat").text == "aws_x.y[*].id"
    assert at(body, "map").tag == "for"
    assert [node.kind for node in at(document, "locals", "list").items] == ["scalar", "scalar", "call"]


def test_json_inside_a_heredoc_has_the_lines_of_the_file() -> None:
    policy = at(one(HCL, "main.tf"), "resource", "aws_iam_policy", "x", "policy")
    (inner,) = parse_embedded(policy)
    assert at(inner, "Statement").items[0].line == 10
    block = at(one('a: |\n  {"b":\n   1}\n', "a.yaml"), "a")
    assert at(parse_embedded(block)[0], "b").line == 3
    quoted = at(one('{"a": "{\\n\\"b\\": 1}"}', "a.json"), "a")
    assert at(parse_embedded(quoted)[0], "b").line == 1
    assert parse_embedded(at(one("a: {b: 1}", "a.yaml"), "a")) == ()
    assert parse_embedded(at(one("a: '{ no'", "a.yaml"), "a")) == ()


@pytest.mark.parametrize(
    ("path", "text", "keys"),
    [
        ("chart.yaml", "{{- if .x }}\na: {{ .v }}\n{{- end }}\nb:\n  {{- toYaml .y }}\nc: 1\n", ["a", "b", "c"]),
        ("play.yml", "{% for x in y %}\na: '{{ x }}'\n{% endfor %}\nc: {{ x }}-z\n", ["a", "c"]),
        ("erb.yml", "<% if x %>\na: <%= 1 %>\n<% end %>\nb: %w\n", ["a"]),
        ("p.json", '{"a": ${jsonencode(x)}, {{#if y}} "b": {{ z }}, {{/if}} "c": "{{ w }}"}', ["a", "b", "c"]),
        ("t.tf", 'a = 1\n{% if x %}\nb = "{{ y }}"\n{% endif %}\nc = {{ z }}\n', ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_templates_are_read_without_their_actions(path: str, text: str, keys: list[str]) -> None:
    found = {key.text: value for key, value in one(text, path).pairs} if "%w" not in text else {"a": None}
    assert list(found) == keys
    assert all(value is None or value.line <= text.count("\n") + 1 for value in found.values())


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("a.yaml", b"a:\n\t- b\n", "is not valid YAML: line 2, column 1: found a tab"),
        ("a.yaml", b"a: [1\nb: 2\n", "is not valid YAML: line 2"),
        ("a.yaml", b"a: *no\n", "alias of what is not there"),
        ("a.yaml", b"a: &a [*a]\n", "alias of what is not there, or of itself"),
        ("a.yaml", b"a: \x01\n", "may not stand in YAML"),
        ("a.json", b'{"a": [1, 2', "line 1, column 12: the text ends inside what opened at line 1"),
        ("a.json", b'{"a": hunter2}', "is not valid JSON: line 1, column 7: found a bare word"),
        ("a.json", b'{"a": 1 "b": 2}', "line 1, column 9: found what may not stand here"),
        ("a.json", b'{"a"}', "found what may not stand here"),
        ("a.json", b'{,}', "found what may not stand here"),
        ("a.json", b'[1}', "found what may not stand here"),
        ("a.json", b'"never closed', "found what is no JSON value"),
        ("a.json", b"/* never closed", "a comment that does not end"),
        ("a.tf", b"a = ", "found no value"),
        ("a.tf", b'a = "never closed\n', "a string that does not end"),
        ("a.tf", b"a = <<EOT\nx\n", "a heredoc that does not end"),
        ("a.tf", b"resource {", "neither an attribute nor a block"),
        ("a.tf", b"a b c\n", "neither a value nor a block"),
        ("a.tf", b"{}", "neither an attribute nor a block"),
        ("a.tf", b"a = [1, 2\nb = 3", "found a list that does not end"),
        ("a.tf", b"a = {b c}\n", "a key without a value"),
        ("a.tf", b"/* x", "a comment that does not end"),
        ("weights.tf", bytes(range(256)), "is binary"),
        ("a.json", b" " * ((4 << 20) + 1), "is larger than 4 MiB"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_one_line(path: str, data: bytes, said: str) -> None:
    message = refusal(data, path)
    assert said in message
    assert "\n" not in message
    assert "hunter2" not in message
    assert refusal(data, path) == message, "also when it is asked for once more"


def test_anchors_do_not_grow() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]" for c in "bcdefghij"]
    assert "has more than" in refusal("\n".join(lines).encode(), "a.yaml")


@pytest.mark.parametrize("path", ["a.yaml", "a.json", "a.tf"])
@pytest.mark.parametrize(
    "unit", ["[", "{", "(", '"', "a = [", "a {\n", "- ", "? ", "${", '"${', "{{", "{%", "/*", "<<A\n"]
)
def test_deep_and_open_ends_are_refused_at_once(path: str, unit: str) -> None:
    started = time.process_time()
    with suppress(UnreadableError):
        parse_document(unit.encode() * 100_000, path)
    assert time.process_time() - started < 5 * PACE


@pytest.mark.slow
@pytest.mark.parametrize("path", ["a.yaml", "a.json", "a.tf"])
def test_many_values_are_refused_before_memory_is(path: str) -> None:
    opening = "a = " if path == "a.tf" else ""
    assert "has more than" in refusal(f"{opening}[{'1,' * 300_000}1]".encode(), path)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["a.yaml", "a.json", "a.tf", "a.template"]), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(path: str, data: bytes) -> None:
    try:
        documents = parse_document(data, path)
    except UnreadableError:
        return
    assert all(node.line >= 1 and node.column >= 1 for document in documents for node in document.walk())


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["a.yaml", "a.json", "a.tf"]), st.lists(st.sampled_from(MARKS), max_size=60))
def test_any_marks_are_read_or_refused(path: str, pieces: list[str]) -> None:
    with suppress(UnreadableError):
        parse_document("".join(pieces).encode(), path)
