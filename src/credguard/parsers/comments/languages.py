"""The syntax of comments in each language, and of the strings that cannot contain one."""

from __future__ import annotations

from credguard.parsers.comments.delimiters import (
    LINE_END,
    Token,
    end_at,
    end_at_nested,
    end_at_quote,
    end_at_word,
    find_block_end,
    find_fence_end,
    find_quote_on_line,
    find_regex_end,
    find_string_or_comment,
)


def _make_line(opening: str) -> Token:
    return Token(opening, LINE_END, "comment")


def _make_block(opening: str, close: str) -> Token:
    return Token(opening, end_at(close), "comment")


HASH = _make_line("#")
HASH_APART = _make_line(r"(?:^|(?<=[\s;&|(){}]))#")
HASH_AFTER_BLANK = _make_line(r"(?:^|(?<=\s))#")
SLASHES = _make_line("//")
SLASH_STAR = _make_block(r"/\*", r"\*/")
NESTED_SLASH_STAR = Token(r"/\*", end_at_nested(r"/\*", r"\*/"), "comment")
DASHES = _make_line("--")
SEMICOLON = _make_line(";")
MARKUP = _make_block("<!--", "-->")

DOUBLE = Token('"', end_at_quote('"'))
SINGLE = Token("'", end_at_quote("'"))
DOUBLE_LINES = Token('"', end_at_quote('"', lines=True))
SINGLE_LINES = Token("'", end_at_quote("'", lines=True))
TRIPLE = Token('"""', end_at_quote('"""', lines=True))
TRIPLE_SINGLE = Token("'''", end_at_quote("'''", lines=True))
RAW_DOUBLE = Token('"', end_at('"'))
RAW_SINGLE = Token("'", end_at("'"))
RAW_BACKTICK = Token("`", end_at("`"))
CHARACTER = Token(r"'(?:[^\\'\n\x80-\xff]|[\xc0-\xff][\x80-\xbf]{1,3}|\\[^\n][^'\n]{0,9})'")
LOOSE = Token(r"(?<!\w)[\"']", find_quote_on_line)
ESCAPE = Token(r"\\.")
ATTRIBUTE = (Token('=[ \t]{0,9}"', end_at('"')), Token("=[ \t]{0,9}'", end_at("'")))
TEMPLATE = (Token("`", kind="template"), Token("[{}]", kind="brace"))
REGEX = Token(r"(?:(?<=[(,=:\[!&|?{};+*%~^])|(?<=\breturn))[ \t]{0,9}/(?![*/])", find_regex_end)
JINJA = _make_block(r"\{#", r"#\}")
GO_TEMPLATE = _make_block(r"\{\{-?[ ]?/\*", r"\*/")
HERE_IN_SHELL = Token(r"(?<!<)<<-?[ \t]{0,9}[\"'\\]?(?P<W>[A-Za-z_]\w{0,80})", kind="document")
HERE_IN_RUBY = Token(r"<<[~-]?[\"'`]?(?P<W>[A-Z_]\w{0,80})", kind="document")
HERE_IN_PHP = Token(r"<<<[ \t]{0,9}[\"']?(?P<W>[A-Za-z_]\w{0,80})", kind="document")
HERE_IN_HCL = Token(r"<<-?(?P<W>[A-Za-z_]\w{0,80})", kind="document")

_MARKUP = (
    MARKUP, JINJA, GO_TEMPLATE, _make_block(r"\{\{!--", r"--\}\}"), _make_block("<%--", "--%>"),
    _make_block("<%#", "%>"),
)  # fmt: skip
_HTML = (
    *_MARKUP,
    Token(r"<script\b[^>]{0,400}>", end_at("(?i:</script)", "javascript"), "part"),
    Token(r"<style\b[^>]{0,400}>", end_at("(?i:</style)", "css"), "part"),
    *ATTRIBUTE,
)
_C = (SLASHES, SLASH_STAR)
_FENCE = r"^[ \t>]{0,40}(?:[-*+][ \t]{1,4})?(?P<W>(?:`{3,9}|~{3,9})[ \t]{0,9}[\w+#.{-]{0,30})[^\n`]{0,400}$"
_OPERATOR = r"!#$%&*+./<=>?@\\^|~:-"
_BLOCK_IN_YAML = r"(?<=[:-][ \t])[ \t]{0,9}(?:[!&][^\s]{1,99}[ \t]{1,9}){0,2}[|>][-+0-9]{0,2}(?=[ \t]{0,99}(?:#|\r?$))"
_QUOTED_IN_YAML = r"(?:^[ \t]{0,200}|[:?,\[{-][ \t]{1,9}|[\[{,])(?:[!&][^\s\"']{1,99}[ \t]{1,9})?"

LANGUAGES: dict[str, tuple[Token, ...]] = {
    "text": (_make_line(r"(?:^|(?<=\s))(?:#|//|;|--)"), LOOSE),
    "python": (HASH, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "javascript": (*_C, *TEMPLATE, DOUBLE, SINGLE, REGEX),
    "json5": (*_C, DOUBLE, SINGLE),
    "c": (
        *_C, Token(r'R"(?P<W>[^()\\\s"]{0,16})\(', end_at_word(b")", b'"')), DOUBLE,
        Token(r"(?<![0-9])'", end_at_quote("'")),
    ),
    "csharp": (
        *_C, Token(r'@\$?"|\$@"', end_at('"')), Token(r'(?P<W>"{3,99})', end_at_word()), DOUBLE, SINGLE,
    ),
    "java": (*_C, TRIPLE, DOUBLE, SINGLE),
    "kotlin": (SLASHES, NESTED_SLASH_STAR, Token('"""', end_at('"""')), DOUBLE, SINGLE),
    "swift": (SLASHES, NESTED_SLASH_STAR, Token(r'(?P<W>#{1,20})"', end_at_word(b'"')), TRIPLE, DOUBLE),
    "dart": (SLASHES, NESTED_SLASH_STAR, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "groovy": (*_C, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "go": (*_C, RAW_BACKTICK, DOUBLE, SINGLE),
    "rust": (SLASHES, NESTED_SLASH_STAR, Token(r'\br(?P<W>#{0,40})"', end_at_word(b'"')), DOUBLE_LINES, CHARACTER),
    "zig": (SLASHES, Token(r"\\\\[^\n]{0,400}"), DOUBLE, SINGLE),
    "php": (_make_line(r"#(?!\[)"), *_C, HERE_IN_PHP, DOUBLE_LINES, SINGLE_LINES),
    "php-page": (Token(r"<\?(?:php\b|=)?", end_at(r"\?>", "php"), "part"), *_HTML),
    "css": (SLASH_STAR, DOUBLE, SINGLE),
    "scss": (_make_line(r"(?<!:)//"), SLASH_STAR, DOUBLE, SINGLE),
    "shell": (
        HASH_APART, ESCAPE, HERE_IN_SHELL, Token(r"\$'", end_at_quote("'", lines=True)), RAW_SINGLE, DOUBLE_LINES,
    ),
    "powershell": (
        _make_block("<#", "#>"), HASH_APART, Token(r"`."), Token(r"@\"[ \t]{0,9}$", end_at('^"@')),
        Token(r"@'[ \t]{0,9}$", end_at("^'@")), Token('"', end_at(r'(?<!`)(?:``){0,4096}"')), RAW_SINGLE,
    ),
    "batch": (_make_line(r"(?i:^[ \t]*(?:@?rem\b|::)|&[ \t]*rem\b)"),),
    "ruby": (
        _make_block(r"^=begin\b", r"^=end\b"), _make_line(r"(?:^|(?<=[\s;(){}]))#"), HERE_IN_RUBY, DOUBLE_LINES,
        SINGLE_LINES,
        Token("`", end_at_quote("`", lines=True)),
    ),
    "perl": (
        _make_block(r"^=[a-z]", r"^=cut\b"), _make_line(r"(?:^|(?<=[\s;(){}]))#"), HERE_IN_RUBY, DOUBLE_LINES,
        SINGLE_LINES,
    ),
    "yaml": (
        HASH_AFTER_BLANK, GO_TEMPLATE, Token(_BLOCK_IN_YAML, find_block_end, "part"),
        Token(_QUOTED_IN_YAML + '"', end_at_quote('"', lines=True)), Token(_QUOTED_IN_YAML + "'", end_at("'")),
    ),
    "toml": (HASH, TRIPLE, Token("'''", end_at("'''")), DOUBLE, Token("'", end_at(r"'|$"))),
    "ini": (_make_line(r"(?:^|(?<=\s))[#;]"), LOOSE),
    "properties": (_make_line(r"^[ \t\f]*[#!]"),),
    "lines": (_make_line(r"^[ \t]*[#;]"),),
    "env": (
        HASH_AFTER_BLANK, Token(r'=[ \t]{0,9}"', end_at_quote('"', lines=True)),
        Token(r"=[ \t]{0,9}'", end_at_quote("'", lines=True)),
    ),
    "dockerfile": (_make_line(r"^[ \t]*#"),),
    "conf": (HASH_AFTER_BLANK, _make_line(r"^[ \t]*(?:;|//)"), SLASH_STAR, LOOSE),
    "make": (_make_line(r"(?<!\\)#"), LOOSE),
    "cmake": (_make_block(r"#\[\[", r"\]\]"), HASH, DOUBLE_LINES),
    "hcl": (HASH, *_C, HERE_IN_HCL, DOUBLE),
    "nix": (HASH, SLASH_STAR, DOUBLE_LINES, Token("''", end_at("''(?![$'\\\\])"))),
    "jsonnet": (HASH, *_C, Token(r"\|\|\|$", end_at(r"^[ \t]*\|\|\|")), DOUBLE_LINES, SINGLE_LINES),
    "graphql": (HASH, TRIPLE, DOUBLE),
    "sql": (
        DASHES, NESTED_SLASH_STAR, Token(r"(?P<W>\$(?:[A-Za-z_]\w{0,60})?\$)", end_at_word()), RAW_SINGLE, RAW_DOUBLE,
    ),
    "lua": (
        Token(r"--\[(?P<W>={0,20})\[", end_at_word(b"]", b"]"), "comment"), DASHES,
        Token(r"\[(?P<W>={0,20})\[", end_at_word(b"]", b"]")), DOUBLE, SINGLE,
    ),
    "haskell": (
        Token(r"\{-", end_at_nested(r"\{-", r"-\}"), "comment"),
        _make_line(rf"(?<![{_OPERATOR}])-{{2,99}}(?![{_OPERATOR}])"),
        DOUBLE, CHARACTER,
    ),
    "ada": (DASHES, RAW_DOUBLE),
    "ocaml": (
        Token(r"\(\*(?!\))", end_at_nested(r"\(\*", r"\*\)"), "comment"), SLASHES, TRIPLE, DOUBLE_LINES, CHARACTER,
    ),
    "pascal": (_make_block(r"\(\*", r"\*\)"), _make_block(r"\{", r"\}"), SLASHES, Token("'", end_at("'|$"))),
    "erlang": (_make_line("%"), DOUBLE_LINES, Token("'", end_at_quote("'"))),
    "tex": (_make_line(r"(?<!\\)%"),),
    "matlab": (_make_block(r"^[ \t]*%\{[ \t]*$", r"^[ \t]*%\}"), _make_line("%"), Token('"', end_at('"|$')),
               Token(r"(?<![\w)\]}.'])'", end_at("'|$"))),
    "m4": (_make_line(r"\bdnl\b"), HASH),
    "lisp": (Token(r"#\|", end_at_nested(r"#\|", r"\|#"), "comment"), SEMICOLON, DOUBLE_LINES),
    "assembly": (_make_line(r"[;#]|//"), SLASH_STAR, DOUBLE),
    "vb": (_make_line(r"'"), _make_line(r"(?i:^[ \t]*rem\b)"), Token('"', end_at('"|$'))),
    "vim": (_make_line(r'^[ \t]*"'), Token("'", end_at("'|$")), Token('"', find_string_or_comment)),
    "fortran": (_make_line("!"), Token('"', end_at('"|$')), Token("'", end_at("'|$"))),
    "r": (HASH, DOUBLE_LINES, SINGLE_LINES),
    "julia": (Token("#=", end_at_nested("#=", "=#"), "comment"), HASH, TRIPLE, DOUBLE_LINES, CHARACTER),
    "elixir": (HASH, TRIPLE, DOUBLE_LINES, CHARACTER),
    "nim": (Token(r"#\[", end_at_nested(r"#\[", r"\]#"), "comment"), HASH, TRIPLE, DOUBLE),
    "coffeescript": (_make_block("###", "###"), HASH, TRIPLE, TRIPLE_SINGLE, DOUBLE_LINES, SINGLE_LINES),
    "tcl": (_make_line(r"(?:^[ \t]*|;[ \t]*)#"), DOUBLE_LINES),
    "asciidoc": (_make_line("^//"),),
    "restructuredtext": (_make_line(r"^[ \t]*\.\.[ \t]"),),
    "xml": (MARKUP, Token(r"<!\[CDATA\[", end_at(r"\]\]>")), *ATTRIBUTE),
    "html": _HTML,
    "template": (*_MARKUP, HASH_AFTER_BLANK, LOOSE),
    "markdown": (
        Token(_FENCE, find_fence_end, "part"),
        MARKUP,
    ),
}  # fmt: skip
