"""Names of Terraform files and templates followed to their values, and what a hostile file may cost."""

from __future__ import annotations

import pytest

from credguard.parsers.cloudformation import resolve_parameters
from credguard.parsers.document import Node, parse_document
from credguard.parsers.serverless import resolve_self
from credguard.parsers.terraform import resolve_terraform
from credguard.rules.infrastructure._iam_values import read_strings

PIECES = """
variable "stage" { default = "prod" }
variable "empty" { default = "" }
variable "bare" {}
locals {
  list  = ["a", "b"]
  map   = { one = "x", two = "y" }
  deep  = { prod = { names = ["p"] }, dev = { names = ["d"] } }
  text  = "${var.stage}-${local.map.one}"
  cycle = local.other
  other = [local.cycle]
}
"""


def evaluate(expression: str, *, defaults: bool = True) -> tuple[str, ...]:
    """The strings of an expression beside PIECES; `…` for what is unknown."""
    text = f'{PIECES}\nresource "x" "y" {{\n  value = {expression}\n}}\n'
    document = resolve_terraform(parse_document(text.encode(), "main.tf")[0], defaults=defaults)
    body = document.get_all("resource")[0].pairs[0][1].pairs[0][1]
    return read_strings(body.get("value"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("local.list", ("a", "b")),
        ("local.list[0]", ("a", "b")),
        ("local.map.two", ("y",)),
        ('local.map["two"]', ("y",)),
        ("local.map[terraform.workspace]", ("x", "y")),
        ("local.deep[var.bare].names", ("p", "d")),
        ("local.deep.prod.names", ("p",)),
        ("local.text", ("prod-x",)),
        ("local.missing", ("…",)),
        ("local.cycle", ("…",)),
        ("var.bare", ("…",)),
        ('"${var.empty}/x"', ("${var.empty}/x",)),
        ('[for k, v in local.map : "${k}=${v}"]', ("one=x", "two=y")),
        ('[for s in local.list : upper(s) if s != "a"]', ("…", "…")),
        ("var.bare ? local.list : local.map.one", ("a", "b", "x")),
        ('format("%s:%s", "a", local.list)', ("a:a", "a:b")),
        ('formatlist("%s-%s", local.list, var.bare)', ("a-${unknown}", "b-${unknown}")),
        ('split(",", "x, y")', ("x", "y")),
        ('join("-", local.list)', ("a-b",)),
        ('concat(local.list, ["c"], var.bare)', ("a", "b", "c", "…")),
        ('lookup(local.map, "one", "z")', ("x",)),
        ("values(local.map)", ("x", "y")),
        ("keys(local.map)", ("one", "two")),
        ('"a/${element(split(",", "p,q"), count.index)}"', ("a/p", "a/q")),
        ("merge({ a = local.list }, var.bare).a", ("…",)),
    ],
)
def test_values(expression: str, expected: tuple[str, ...]) -> None:
    """An expression stands for what a reader sees."""
    assert evaluate(expression) == expected


def test_defaults_are_left_out_where_they_decide_nothing() -> None:
    """Without defaults a variable stays a reference."""
    assert evaluate("var.stage", defaults=False) == ("…",)


def test_values_keep_their_place() -> None:
    """A value is where it is written."""
    text = b'locals {\n  a = "x"\n}\nresource "t" "n" {\n  v = local.a\n}\n'
    document = resolve_terraform(parse_document(text, "main.tf")[0])
    found = document.get_all("resource")[0].pairs[0][1].pairs[0][1].get("v")
    assert found is not None
    assert (found.text, found.line) == ("x", 2)


def _repeat(line: str, count: int) -> str:
    return "\n".join(line.replace("#", str(i)).replace("@", str(i + 1)) for i in range(count))


@pytest.mark.parametrize(
    "text",
    [
        "locals {\n"
        + _repeat("a# = [local.a@, local.a@]", 60)
        + '\na60 = "x"\n}\nresource "a" "b" {\n x = local.a0\n}',
        "locals {\n"
        + _repeat('a# = "${local.a@}${local.a@}"', 60)
        + '\na60 = "xx"\n}\nresource "a" "b" {\n x = local.a0\n}',
        'locals {\n l = ["1", "2", "3", "4"]\n}\nresource "a" "b" {\n x = '
        + "[for i in local.l : " * 20
        + "i"
        + "]" * 20
        + "\n}",
        'resource "a" "b" {\n'
        + 'dynamic "x" {\n for_each = ["1", "2", "3"]\n content {\n' * 20
        + "y = x.value\n"
        + "}\n}\n" * 20
        + "}\n",
    ],
    ids=["lists", "texts", "loops", "blocks"],
)
def test_nothing_small_becomes_large(text: str) -> None:
    """Names that double what they name end somewhere."""
    document = resolve_terraform(parse_document(text.encode(), "main.tf")[0])
    size = sum(1 + len(one.text) // 32 for one in document.walk())
    assert size < 500_000


def test_parameters() -> None:
    """Defaults stand where a template refers to them; empty ones and other documents are left alone."""
    text = b"""
Parameters:
  Name: {Type: String, Default: x}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Empty: {Type: String, Default: ""}
Resources:
  R: {A: !Ref Name, B: !Ref Names, C: !Sub "${Name}/${Empty}/${R.Arn}", D: {Ref: Name}, E: !Ref Empty}
"""
    document = resolve_parameters(parse_document(text, "t.yaml")[0])
    resources = document.get("Resources")
    body: Node | None = resources.get("R") if resources else None
    assert body is not None
    found = {key.text: read_strings(value) for key, value in body.pairs}
    assert found == {"A": ("x",), "B": ("a", "b"), "C": ("x/${Empty}/${R.Arn}",), "D": ("x",), "E": ("…",)}


def test_a_key_whose_value_is_only_a_template() -> None:
    """JSON with a value that another tool fills in is read without that key."""
    found = parse_document(b'{"a": {{ x }}, "b": {"c":, "d": "{{ y }}"}}', "p.json")[0]
    assert [key.text for key, _ in found.pairs][-1] == "b"
    inner = found.get("b")
    assert inner is not None
    assert [key.text for key, _ in inner.pairs] == ["d"]


def test_own_values_of_serverless() -> None:
    """A reference to the file's own values stands for them; one that is unknown stays."""
    text = b"""
service: x
provider: {name: aws}
custom: {list: [a, b], name: n, loop: "${self:custom.loop}"}
functions:
  f: {a: "${self:custom.list}", b: "p-${self:custom.name}", c: "${self:custom.none}", d: "${self:custom.loop}"}
"""
    functions = resolve_self(parse_document(text, "serverless.yml")[0]).get("functions")
    body = functions.get("f") if functions else None
    assert body is not None
    found = {key.text: read_strings(value) for key, value in body.pairs}
    assert found == {"a": ("a", "b"), "b": ("p-n",), "c": ("${self:custom.none}",), "d": ("${self:custom.loop}",)}
