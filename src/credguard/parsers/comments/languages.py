"""How languages write comments, and the strings in which nothing is one."""

from __future__ import annotations

from credguard.parsers.comments.delimiters import (
    LINE_END,
    Token,
    block_scalar,
    closing,
    escaped,
    fence,
    nested,
    on_line,
    regex_literal,
    string_or_comment,
    word,
)


def _line(opening: str) -> Token:
    return Token(opening, LINE_END, "comment")


def _block(opening: str, close: str) -> Token:
    return Token(opening, closing(close), "comment")


HASH = _line("#")
HASH_APART = _line(r"(?:^|(?<=[\s;&|(){}]))#")
HASH_AFTER_BLANK = _line(r"(?:^|(?<=\s))#")
SLASHES = _line("//")
SLASH_STAR = _block(r"/\*", r"\*/")
NESTED_SLASH_STAR = Token(r"/\*", nested(r"/\*", r"\*/"), "comment")
DASHES = _line("--")
SEMICOLON = _line(";")
MARKUP = _block("<!--", "-->")

DOUBLE = Token('"', escaped('"'))
SINGLE = Token("'", escaped("'"))
DOUBLE_LINES = Token('"', escaped('"', lines=True))
SINGLE_LINES = Token("'", escaped("'", lines=True))
TRIPLE = Token('"""', escaped('"""', lines=True))
TRIPLE_SINGLE = Token("'''", escaped("'''", lines=True))
RAW_DOUBLE = Token('"', closing('"'))
RAW_SINGLE = Token("'", closing("'"))
RAW_BACKTICK = Token("`", closing("`"))
CHARACTER = Token(r"'(?:[^\\'\n\x80-\xff]|[\xc0-\xff][\x80-\xbf]{1,3}|\\[^\n][^'\n]{0,9})'")
LOOSE = Token(r"(?<!\w)[\"']", on_line)
ESCAPE = Token(r"\\.")
ATTRIBUTE = (Token('=[ \t]{0,9}"', closing('"')), Token("=[ \t]{0,9}'", closing("'")))
TEMPLATE = (Token("`", kind="template"), Token("[{}]", kind="brace"))
REGEX = Token(r"(?:(?<=[(,=:\[!&|?{};+*%~^])|(?<=\breturn))[ \t]{0,9}/(?![*/])", regex_literal)
JINJA = _block(r"\{#", r"#\}")
GO_TEMPLATE = _block(r"\{\{-?[ ]?/\*", r"\*/")
HERE_IN_SHELL = Token(r"(?<!<)<<-?[ \t]{0,9}[\"'\\]?(?P<W>[A-Za-z_]\w{0,80})", kind="document")
HERE_IN_RUBY = Token(r"<<[~-]?[\"'`]?(?P<W>[A-Z_]\w{0,80})", kind="document")
HERE_IN_PHP = Token(r"<<<[ \t]{0,9}[\"']?(?P<W>[A-Za-z_]\w{0,80})", kind="document")
HERE_IN_HCL = Token(r"<<-?(?P<W>[A-Za-z_]\w{0,80})", kind="document")

_MARKUP = (
    MARKUP, JINJA, GO_TEMPLATE, _block(r"\{\{!--", r"--\}\}"), _block("<%--", "--%>"), _block("<%#", "%>"),
)  # fmt: skip
_HTML = (
    *_MARKUP,
    Token(r"<script\b[^>]{0,400}>", closing("(?i:</script)", "javascript"), "part"),
    Token(r"<style\b[^>]{0,400}>", closing("(?i:</style)", "css"), "part"),
    *ATTRIBUTE,
)
_C = (SLASHES, SLASH_STAR)
_FENCE = r"^[ \t>]{0,40}(?:[-*+][ \t]{1,4})?(?P<W>(?:`{3,9}|~{3,9})[ \t]{0,9}[\w+#.{-]{0,30})[^\n`]{0,400}$"
_OPERATOR = r"!#$%&*+./<=>?@\\^|~:-"
_BLOCK_IN_YAML = r"(?<=[:-][ \t])[ \t]{0,9}(?:[!&][^\s]{1,99}[ \t]{1,9}){0,2}[|>][-+0-9]{0,2}(?=[ \t]{0,99}(?:#|\r?$))"
_QUOTED_IN_YAML = r"(?:^[ \t]{0,200}|[:?,\[{-][ \t]{1,9}|[\[{,])(?:[!&][^\s\"']{1,99}[ \t]{1,9})?"

LANGUAGES: dict[str, tuple[Token, ...]] = {
    "text": (_line(r"(?:^|(?<=\s))(?:#|//|;|--)"), LOOSE),
    "python": (HASH, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "javascript": (*_C, *TEMPLATE, DOUBLE, SINGLE, REGEX),
    "json5": (*_C, DOUBLE, SINGLE),
    "c": (*_C, Token(r'R"(?P<W>[^()\\\s"]{0,16})\(', word(b")", b'"')), DOUBLE, Token(r"(?<![0-9])'", escaped("'"))),
    "csharp": (
        *_C, Token(r'@\$?"|\$@"', closing('"')), Token(r'(?P<W>"{3,99})', word()), DOUBLE, SINGLE,
    ),
    "java": (*_C, TRIPLE, DOUBLE, SINGLE),
    "kotlin": (SLASHES, NESTED_SLASH_STAR, Token('"""', closing('"""')), DOUBLE, SINGLE),
    "swift": (SLASHES, NESTED_SLASH_STAR, Token(r'(?P<W>#{1,20})"', word(b'"')), TRIPLE, DOUBLE),
    "dart": (SLASHES, NESTED_SLASH_STAR, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "groovy": (*_C, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE),
    "go": (*_C, RAW_BACKTICK, DOUBLE, SINGLE),
    "rust": (SLASHES, NESTED_SLASH_STAR, Token(r'\br(?P<W>#{0,40})"', word(b'"')), DOUBLE_LINES, CHARACTER),
    "zig": (SLASHES, Token(r"\\\\[^\n]{0,400}"), DOUBLE, SINGLE),
    "php": (_line(r"#(?!\[)"), *_C, HERE_IN_PHP, DOUBLE_LINES, SINGLE_LINES),
    "php-page": (Token(r"<\?(?:php\b|=)?", closing(r"\?>", "php"), "part"), *_HTML),
    "css": (SLASH_STAR, DOUBLE, SINGLE),
    "scss": (_line(r"(?<!:)//"), SLASH_STAR, DOUBLE, SINGLE),
    "shell": (
        HASH_APART, ESCAPE, HERE_IN_SHELL, Token(r"\$'", escaped("'", lines=True)), RAW_SINGLE, DOUBLE_LINES,
    ),
    "powershell": (
        _block("<#", "#>"), HASH_APART, Token(r"`."), Token(r"@\"[ \t]{0,9}$", closing('^"@')),
        Token(r"@'[ \t]{0,9}$", closing("^'@")), Token('"', closing(r'(?<!`)(?:``){0,4096}"')), RAW_SINGLE,
    ),
    "batch": (_line(r"(?i:^[ \t]*(?:@?rem\b|::)|&[ \t]*rem\b)"),),
    "ruby": (
        _block(r"^=begin\b", r"^=end\b"), _line(r"(?:^|(?<=[\s;(){}]))#"), HERE_IN_RUBY, DOUBLE_LINES, SINGLE_LINES,
        Token("`", escaped("`", lines=True)),
    ),
    "perl": (
        _block(r"^=[a-z]", r"^=cut\b"), _line(r"(?:^|(?<=[\s;(){}]))#"), HERE_IN_RUBY, DOUBLE_LINES, SINGLE_LINES,
    ),
    "yaml": (
        HASH_AFTER_BLANK, GO_TEMPLATE, Token(_BLOCK_IN_YAML, block_scalar, "part"),
        Token(_QUOTED_IN_YAML + '"', escaped('"', lines=True)), Token(_QUOTED_IN_YAML + "'", closing("'")),
    ),
    "toml": (HASH, TRIPLE, Token("'''", closing("'''")), DOUBLE, Token("'", closing(r"'|$"))),
    "ini": (_line(r"(?:^|(?<=\s))[#;]"), LOOSE),
    "properties": (_line(r"^[ \t\f]*[#!]"),),
    "lines": (_line(r"^[ \t]*[#;]"),),
    "env": (
        HASH_AFTER_BLANK, Token(r'=[ \t]{0,9}"', escaped('"', lines=True)),
        Token(r"=[ \t]{0,9}'", escaped("'", lines=True)),
    ),
    "dockerfile": (_line(r"^[ \t]*#"),),
    "conf": (HASH_AFTER_BLANK, _line(r"^[ \t]*(?:;|//)"), SLASH_STAR, LOOSE),
    "make": (_line(r"(?<!\\)#"), LOOSE),
    "cmake": (_block(r"#\[\[", r"\]\]"), HASH, DOUBLE_LINES),
    "hcl": (HASH, *_C, HERE_IN_HCL, DOUBLE),
    "nix": (HASH, SLASH_STAR, DOUBLE_LINES, Token("''", closing("''(?![$'\\\\])"))),
    "jsonnet": (HASH, *_C, Token(r"\|\|\|$", closing(r"^[ \t]*\|\|\|")), DOUBLE_LINES, SINGLE_LINES),
    "graphql": (HASH, TRIPLE, DOUBLE),
    "sql": (
        DASHES, NESTED_SLASH_STAR, Token(r"(?P<W>\$(?:[A-Za-z_]\w{0,60})?\$)", word()), RAW_SINGLE, RAW_DOUBLE,
    ),
    "lua": (
        Token(r"--\[(?P<W>={0,20})\[", word(b"]", b"]"), "comment"), DASHES,
        Token(r"\[(?P<W>={0,20})\[", word(b"]", b"]")), DOUBLE, SINGLE,
    ),
    "haskell": (
        Token(r"\{-", nested(r"\{-", r"-\}"), "comment"), _line(rf"(?<![{_OPERATOR}])-{{2,99}}(?![{_OPERATOR}])"),
        DOUBLE, CHARACTER,
    ),
    "ada": (DASHES, RAW_DOUBLE),
    "ocaml": (Token(r"\(\*(?!\))", nested(r"\(\*", r"\*\)"), "comment"), SLASHES, TRIPLE, DOUBLE_LINES, CHARACTER),
    "pascal": (_block(r"\(\*", r"\*\)"), _block(r"\{", r"\}"), SLASHES, Token("'", closing("'|$"))),
    "erlang": (_line("%"), DOUBLE_LINES, Token("'", escaped("'"))),
    "tex": (_line(r"(?<!\\)%"),),
    "matlab": (_block(r"^[ \t]*%\{[ \t]*$", r"^[ \t]*%\}"), _line("%"), Token('"', closing('"|$')),
               Token(r"(?<![\w)\]}.'])'", closing("'|$"))),
    "m4": (_line(r"\bdnl\b"), HASH),
    "lisp": (Token(r"#\|", nested(r"#\|", r"\|#"), "comment"), SEMICOLON, DOUBLE_LINES),
    "assembly": (_line(r"[;#]|//"), SLASH_STAR, DOUBLE),
    "vb": (_line(r"'"), _line(r"(?i:^[ \t]*rem\b)"), Token('"', closing('"|$'))),
    "vim": (_line(r'^[ \t]*"'), Token("'", closing("'|$")), Token('"', string_or_comment)),
    "fortran": (_line("!"), Token('"', closing('"|$')), Token("'", closing("'|$"))),
    "r": (HASH, DOUBLE_LINES, SINGLE_LINES),
    "julia": (Token("#=", nested("#=", "=#"), "comment"), HASH, TRIPLE, DOUBLE_LINES, CHARACTER),
    "elixir": (HASH, TRIPLE, DOUBLE_LINES, CHARACTER),
    "nim": (Token(r"#\[", nested(r"#\[", r"\]#"), "comment"), HASH, TRIPLE, DOUBLE),
    "coffeescript": (_block("###", "###"), HASH, TRIPLE, TRIPLE_SINGLE, DOUBLE_LINES, SINGLE_LINES),
    "tcl": (_line(r"(?:^[ \t]*|;[ \t]*)#"), DOUBLE_LINES),
    "asciidoc": (_line("^//"),),
    "restructuredtext": (_line(r"^[ \t]*\.\.[ \t]"),),
    "xml": (MARKUP, Token(r"<!\[CDATA\[", closing(r"\]\]>")), *ATTRIBUTE),
    "html": _HTML,
    "template": (*_MARKUP, HASH_AFTER_BLANK, LOOSE),
    "markdown": (
        Token(_FENCE, fence, "part"),
        MARKUP,
    ),
}  # fmt: skip
