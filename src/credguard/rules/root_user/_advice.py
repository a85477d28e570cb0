"""Classifies a sentence of documentation: does it advise creating or using a key of the root user?"""

from __future__ import annotations

import re

from credguard.lazy_re import compile_lazily

# Emphasis, quotes, brackets, links and comment signs separate words.
_NOISE = compile_lazily(rb"[\s*_`\"'()\[\]{}\\<>|/#:,&;~\-]+")
_MOST_LINES = 12
_LINE = compile_lazily(rb"\n[\s#*/>;\-]{0,40}")
_TAG = compile_lazily(rb"<[a-z/][^>]{0,200}>|\]\([^)\s]{0,300}\)", re.IGNORECASE)

_PARTS = {
    # whom the sentence addresses, right before its verb, and the list marker
    b"lead": rb"(?:\A|\b(?:you|we|i|then|and|please|must|should|need to|have to|want to|how to|ll|now|first|next|just|"
    rb"simply|to) )(?:(?:step )?\d{1,2}\.? |[a-h]\. |[x+.$] |option [a-z0-9] )?",
    b"make": rb"(?:create|generate|make|get|obtain|download|grab|issue|request)",
    b"use": rb"(?:use|copy|enter|paste|configure|set ?up|export|add|provide|supply|store|put|need|log ?in with)",
    b"key": rb"(?:(?:access|secret|api|aws|security) ?){1,3}(?:keys?|credentials)(?: ids?| pairs?)?",
    b"root": rb"root(?: s)?(?: level)?(?: aws)?(?: (?:user|account|credentials))?(?: s)?",
    b"own": rb"(?:(?:the|your|its|an?|aws|own|amazon|account|s) ){0,4}",
    b"word": rb"(?:[\w.]{1,20} )",
    b"of": rb"(?:(?!with |and |or |in |for |to |of |from |by |on )[\w.]{1,20} )",
}
_FORMS = tuple(
    compile_lazily(form % _PARTS)
    for form in (
        # verb, root, key
        rb"%(lead)b(?:%(make)b|%(use)b) (?!of\b)%(word)b{0,6}?%(root)b %(of)b{0,2}?(?:%(key)b|keys?)\b",
        # the same of credentials, where root is named as AWS does, and what readers are allowed to do
        rb"(?:%(lead)b|\b(?:you|we) (?:can|could|may|might) (?:also )?)(?:%(make)b|%(use)b) %(own)b"
        rb"root (?:user|account)(?: s)? (?:credentials|%(key)b|keys)\b",
        # verb, key, preposition, root
        rb"%(lead)b(?:%(make)b|%(use)b) %(word)b{0,4}?%(key)b %(word)b{0,4}?(?:for|of|from|as|with|using|under|by) "
        rb"%(word)b{0,4}?(?<!project )(?<!repo )(?<!repository )root(?:\Z|(?: s)? (?:user|account|aws|level|key|access|"
        rb"cred|iam|login|email|identity)| (?:and|then|or|in|on|to|at)\b)",
        # the login as root first, the key afterwards
        rb"\b(?:log|sign|logged|signed) ?(?:in )?(?:to )?%(word)b{0,8}?root %(word)b{0,14}?%(make)b %(word)b{0,4}?"
        rb"%(key)b",
    )
)
_MADE = compile_lazily(rb"%(make)b %(word)b{0,3}?(?:access|secret|security) ?(?:keys?|credentials)\b" % _PARTS)
# A negation or a check in the sentence itself: good advice, or a description of what is wrong.
_AGAINST = compile_lazily(
    rb"\b(?:never|not|n t|(?:do|does|should)n.t|avoid\w*|instead|rather than|without|no|nor|cannot|can t|stop\w*|"
    rb"discourag\w*|prohibit\w*|prevent\w*|den(?:y|ies|ied)|disallow\w*|forbid\w*|restrict\w*|block\w*|disabl\w*|"
    rb"deactivat\w*|revok\w*|rotat\w*|ensure\w*|whether|verif\w*|detect\w*|audit\w*|monitor\w*|alert\w*|complian\w*|"
    rb"insecure|dangerous\w*|risk\w*|bad|attacker\w*|if you must|unless|iam (?:user|role)s?|stolen|leak\w*|"
    rb"compromis\w*|wrong|mistake\w*|used to|checks?|(?:delet|remov)\w*(?! (?:it|them|this|that)\b))\b"
)
# The same in the sentences around.
_CAUTION = compile_lazily(
    rb"not recommend|n.t recommend|\bnever\b|do not|(?:do|should)n.t|should not|must not|avoid|discourage|"
    rb"strongly recommend|best practice|instead of|rather than|security risk|not advis|no longer need|"
    rb"(?:delete|remove|deactivate|disable)\w{0,2} (?:\w{1,10} ){0,3}(?:root|access keys?)"
)
# A warning about root anywhere on the page; deleting the key at the end of a guide does not count.
_WARNING = compile_lazily(
    rb"(?:do not|don.t|never|not recommend\w*|avoid|instead of|rather than|discourage|safeguard|lock away|"
    rb"strongly recommend) (?:[\w.]{1,20} ){0,9}?root (?:aws |access |s )?(?:user|account|access|key|cred)"
)
_EXAM = compile_lazily(
    rb"which of the|(?:select|choose) (?:two|2)|which combination|correct answer|\bexplanation\b|answer:", re.IGNORECASE
)
_OTHER_ROOT = compile_lazily(
    rb"gitlab|minio|tencent|aliyun|alibaba|\bceph|radosgw|mysql|mariadb|postgres|digitalocean|linode|scaleway|wasabi|"
    rb"vault root|root (?:ca\b|cert|dir|folder|module|domain|token)|document root",
    re.IGNORECASE,
)
_AWS = compile_lazily(rb"\baws|amazon|\biam\b", re.IGNORECASE)
_MACHINE = compile_lazily(
    rb"\b(?:ssh|sudo|linux|unix|servers?|databases?|instances?|machines?|hosts?|boxe?s?|containers?|docker|vms?|routers?|shell|"
    rb"cluster|sql)\b",
    re.IGNORECASE,
)
_IAM_USER = compile_lazily(
    rb"\biam (?:user|users|role)\b|\busers? (?:tab|page|menu|list|name)\b|non root|another user|your username"
)


def normalize_prose(text: bytes) -> bytes:
    """The words of a text in lower case, separated by single spaces, without markup."""
    return _NOISE.sub(b" ", _TAG.sub(b" ", text)).strip().lower()


def find_root_key_advice(sentence: bytes, around: bytes, page: bytes) -> int | None:
    """The offset in `sentence` where the advice to create or use a root access key begins: its start or that of a line.

    None if there is no such advice, or if it or the text around warns against it. Where only the `page` says that this
    is about AWS, the text around must not be about a machine's root.
    """
    near = _AWS.search(around) is not None
    if not near and (_MACHINE.search(around) or not _AWS.search(page)):
        return None
    if _AGAINST.search(normalize_prose(sentence)) or not _is_about_root(around):
        return None
    starts = [0, *(match.end() for match in _LINE.finditer(sentence))][:_MOST_LINES]
    told = [start for start in starts if any(form.search(normalize_prose(sentence[start:])) for form in _FORMS)]
    return max(told, default=None)


def has_key_creation_advice(passage: bytes, around: bytes) -> bool:
    """True if `passage`, around a link to root's credentials page, advises creating an access key there."""
    words = normalize_prose(passage)
    told = _MADE.search(words) and not _AGAINST.search(words)
    return (
        bool(told)
        and not _IAM_USER.search(normalize_prose(around))
        and bool(_AWS.search(around))
        and _is_about_root(around)
    )


def has_root_warning(page: bytes) -> bool:
    """True if the page around a passage advises against root or its keys."""
    return _WARNING.search(normalize_prose(page)) is not None


def _is_about_root(around: bytes) -> bool:
    """True for text that is not a warning, not an exam question, and not about another product's root."""
    if _EXAM.search(around) or _OTHER_ROOT.search(around):
        return False
    return _CAUTION.search(normalize_prose(around)) is None
