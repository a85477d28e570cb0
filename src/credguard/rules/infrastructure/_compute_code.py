"""Locates access keys that programs pass to AWS compute: CDK, Pulumi, boto3, the SageMaker SDK."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, classify_binding, is_foreign_endpoint, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.parsers.literals import find_opening, parse_group
from credguard.parsers.node import Places
from credguard.rules.infrastructure._ci_keys import KeySetting
from credguard.rules.infrastructure._compute_groups import SettingGroup, classify_node
from credguard.rules.infrastructure._compute_kept import find_in_calls
from credguard.rules.infrastructure._compute_scripts import find_in_shell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.parsers.document import Node

PROGRAMS = tuple(".py .ts .js .mjs .cjs .mts .tsx .java .kt .cs .go .ipynb".split())
_SDKS = tuple(b"aws-cdk aws_cdk awscdk Amazon.CDK ulumi boto3 sagemaker aws-sdk cdktf sst/ $config(".split())
_OPENER = compile_lazily(
    r"(?:(?:environment|variables|environment_variables|environmentVariables)[\"'`]?\s{0,8}[:=]|(?<!\w)env\s{0,4}=|"
    r"(?<!\w)secrets\s{0,4}[:=])\s{0,8}"
    r"(?:new [\w<>, ]{1,80}(?:\(\))?\s{0,80}|(?:Map\.of|dict|Object\.assign|pulumi\.\w{1,40})\(?\s{0,8}"
    r"|&?map\[string\]\W?\w{0,20}|\(\)\s{0,8})?\Z"
    r"|(?:environment|variables|env)[\"'`]?\s{0,8}[:=]\s{0,8}(?:[\w.]{1,60})\(\Z",
    re.IGNORECASE,
)
_RUNS = compile_lazily(
    r"(?:Function|TaskDefinition|ContainerDefinition|Container|Estimator|Model|Processor|Project|JobDefinition|Job|Service"
    r"|PyTorch|TensorFlow|SKLearn|HuggingFace\w{0,20}|XGBoost|ModelTrainer|Pipeline\w{0,20})[ \t]{0,4}\("
    r"|(?:add_container|addContainer|create_function|update_function_configuration|register_task_definition|run_task"
    r"|submit_job|register_job_definition|create_training_job|create_processing_job|create_model|create_project"
    r"|(?:CreateFunction|UpdateFunctionConfiguration|RegisterTaskDefinition|RunTask)Command)[ \t]{0,4}\("
    r"|ContainerOverrides|containerOverrides|containerDefinitions"
)
_ADDS = compile_lazily(
    r"\.add_?environment\(\s{0,80}[\"'`](?P<name>[\w-]{3,100})[\"'`]\s{0,8},\s{0,80}"
    r"(?P<value>[\"'`][^\"'`\n]{0,200}[\"'`]|[^\s,)]{1,200})",
    re.IGNORECASE,
)
_SCRIPT = compile_lazily(
    r"(?:user_?data(?:_base64)?[\"'`]?\s{0,4}[:=]\s{0,4}(?:[\w.]{1,60}\(\s{0,40}){0,3}|UserData\.custom\(\s{0,40})"
    r"[frbFRB]{0,2}(?P<quote>\"\"\"|\'\'\'|[`\"'])|user_?data\w{0,20}\.add_?commands\s{0,4}\(",
    re.IGNORECASE,
)
_FIELD = compile_lazily(r"(?<![${])\{([A-Za-z_][\w.\[\]\"'()]{0,80}|\d{0,2})\}(?!\})")
_LONGEST_SCRIPT = 20_000
_FAR = 3000
_LONGEST = 2 << 20
_MOST = 200


def find_environments(data: bytes, ends: Sequence[int]) -> Iterator[SettingGroup]:
    """Environments of AWS compute in program text, around the names found at `ends`."""
    if len(data) > _LONGEST or not any(word in data for word in _SDKS):
        return
    text = data.decode("latin-1")  # one byte per character, so offsets match
    seen: set[int] = set()
    for end in ends[:_MOST]:
        opening = find_opening(text, end)
        if opening < 0 or opening in seen:
            continue
        seen.add(opening)
        before = text[max(0, opening - _FAR) : opening]
        if _OPENER.search(before[-200:]) and _RUNS.search(before):
            group = parse_group(text, opening, text.count("\n", 0, opening) + 1)
            yield from _read_literal(group[0]) if group else ()
    yield from _find_add_calls(text)
    yield from find_in_calls(text, ends[:_MOST])
    yield from _find_start_scripts(text, ends[:_MOST])


def _read_literal(node: Node) -> Iterator[SettingGroup]:
    """The settings of a literal that are keys, unless an endpoint beside them does not belong to AWS."""
    settings = []
    for key, value in node.pairs:
        half = match_key_part(key.text.strip("\"'`[]"), on_aws=True)
        how = classify_node(half, value) if half else None
        if half and how:
            settings.append(KeySetting(half, key.line, key.text.strip("\"'`[]"), how))
    elsewhere = any(is_foreign_endpoint(key.text, value.text or "${}") for key, value in node.pairs)
    if any(one.half is KeyPart.SECRET for one in settings) and not elsewhere:
        yield SettingGroup(tuple(settings))


def _find_start_scripts(text: str, ends: Sequence[int]) -> Iterator[SettingGroup]:
    """What a start script sets that is written as text in the program, around the offsets."""
    done = 0
    for end in ends:
        found = list(_SCRIPT.finditer(text, max(done, end - _FAR), end)) if end > done else []
        script, line, close = _read_script(text, found[-1]) if found else ("", 0, 0)
        if close >= end:
            done = close
            yield from find_in_shell_text(_FIELD.sub(r"${\1}", script), line)


def _read_script(text: str, found: re.Match[str]) -> tuple[str, int, int]:
    """A start script's text, the line where it begins, and its end: one string, or the arguments of a call."""
    start, line = found.end(), text.count("\n", 0, found.end()) + 1
    if found["quote"]:
        close = text.find(found["quote"], start, start + _LONGEST_SCRIPT)
        return text[start : max(start, close)], line, close
    read = parse_group(text, start - 1, line)
    lines = [one for one in read[0].walk() if one.kind == "scalar"] if read else []
    return "\n".join(one.text for one in lines), lines[0].line if lines else line, read[1] if read else 0


def _find_add_calls(text: str) -> Iterator[SettingGroup]:
    """`addEnvironment(name, value)` of a function or container."""
    places = Places(text) if "nvironment(" in text else None
    for found in _ADDS.finditer(text) if places else ():
        half = match_key_part(found["name"], on_aws=True)
        if half is KeyPart.SECRET and places:
            quoted = found["value"][0] in "\"'`"
            how = classify_binding(half, found["value"]) if quoted else Binding.REFERENCE
            if how:
                yield SettingGroup((KeySetting(half, places.locate(found.start())[0], found["name"], how),))
