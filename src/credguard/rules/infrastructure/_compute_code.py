"""Programs that give an access key to what they run on AWS: CDK, Pulumi, boto3, the SageMaker SDK."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Given, Half, given, half_of, sends_elsewhere
from credguard.lazy_re import regex
from credguard.parsers.literals import group_at, opening_before
from credguard.parsers.node import Places
from credguard.rules.infrastructure._ci_keys import Setting
from credguard.rules.infrastructure._compute_settings import Placed, given_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.parsers.document import Node

PROGRAMS = tuple(".py .ts .js .mjs .cjs .mts .tsx .java .kt .cs .go .ipynb".split())
_SDKS = tuple(b"aws-cdk aws_cdk awscdk Amazon.CDK ulumi boto3 sagemaker aws-sdk cdktf sst/ $config(".split())
_OPENER = regex(
    r"(?:(?:environment|variables|environment_variables|environmentVariables)[\"'`]?\s{0,8}[:=]|(?<!\w)env\s{0,4}=|"
    r"(?<!\w)secrets\s{0,4}[:=])\s{0,8}"
    r"(?:new [\w<>, ]{1,80}(?:\(\))?\s{0,80}|(?:Map\.of|dict|Object\.assign|pulumi\.\w{1,40})\(?\s{0,8}"
    r"|&?map\[string\]\W?\w{0,20}|\(\)\s{0,8})?\Z"
    r"|(?:environment|variables|env)[\"'`]?\s{0,8}[:=]\s{0,8}(?:[\w.]{1,60})\(\Z",
    re.IGNORECASE,
)
_RUNS = regex(
    r"(?:Function|TaskDefinition|ContainerDefinition|Container|Estimator|Model|Processor|Project|JobDefinition|Job|Service"
    r"|PyTorch|TensorFlow|SKLearn|HuggingFace\w{0,20}|XGBoost|ModelTrainer|Pipeline\w{0,20})[ \t]{0,4}\("
    r"|(?:add_container|addContainer|create_function|update_function_configuration|register_task_definition|run_task"
    r"|submit_job|register_job_definition|create_training_job|create_processing_job|create_model|create_project"
    r"|(?:CreateFunction|UpdateFunctionConfiguration|RegisterTaskDefinition|RunTask)Command)[ \t]{0,4}\("
    r"|ContainerOverrides|containerOverrides|containerDefinitions"
)
_ADDS = regex(
    r"\.add_?environment\(\s{0,80}[\"'`](?P<name>[\w-]{3,100})[\"'`]\s{0,8},\s{0,80}"
    r"(?P<value>[\"'`][^\"'`\n]{0,200}[\"'`]|[^\s,)]{1,200})",
    re.IGNORECASE,
)
_FAR = 3000
_LONGEST = 2 << 20
_MOST = 200


def found_in(data: bytes, ends: Sequence[int]) -> Iterator[Placed]:
    """Environments in program text around the names seen at `ends`, that are of something that runs on AWS."""
    if len(data) > _LONGEST or not any(word in data for word in _SDKS):
        return
    text = data.decode("latin-1")  # one character a byte: the offsets hold
    seen: set[int] = set()
    for end in ends[:_MOST]:
        opening = opening_before(text, end)
        if opening < 0 or opening in seen:
            continue
        seen.add(opening)
        before = text[max(0, opening - _FAR) : opening]
        if _OPENER.search(before[-200:]) and _RUNS.search(before):
            group = group_at(text, opening, text.count("\n", 0, opening) + 1)
            yield from _placed(group[0]) if group else ()
    yield from _added(text)


def _placed(node: Node) -> Iterator[Placed]:
    """The settings of a literal that are keys, unless an endpoint beside them is not AWS's own."""
    settings = []
    for key, value in node.pairs:
        half = half_of(key.text.strip("\"'`[]"), on_aws=True)
        how = given_node(half, value) if half else None
        if half and how:
            settings.append(Setting(half, key.line, key.text.strip("\"'`[]"), how))
    elsewhere = any(sends_elsewhere(key.text, value.text or "${}") for key, value in node.pairs)
    if any(one.half is Half.SECRET for one in settings) and not elsewhere:
        yield Placed(tuple(settings))


def _added(text: str) -> Iterator[Placed]:
    """`addEnvironment(name, value)` of a function or container."""
    places = Places(text) if "nvironment(" in text else None
    for found in _ADDS.finditer(text) if places else ():
        half = half_of(found["name"], on_aws=True)
        if half is Half.SECRET and places:
            quoted = found["value"][0] in "\"'`"
            how = given(half, found["value"]) if quoted else Given.REFERENCE
            if how:
                yield Placed((Setting(half, places.at(found.start())[0], found["name"], how),))
