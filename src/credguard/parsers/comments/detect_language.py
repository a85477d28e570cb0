"""The language of a file, from its name or otherwise its first line."""

from __future__ import annotations

from credguard.lazy_re import compile_lazily

NONE = ""
"""The language of formats that have no comments."""
UNKNOWN = "text"
_WRAPPERS = frozenset(
    ["bak", "backup", "dist", "erb", "example", "in", "j2", "jinja", "jinja2", "old", "orig", "sample", "save", "swp",
     "template", "tmpl", "tpl"]
)  # fmt: skip
_TEMPLATES = frozenset(["erb", "j2", "jinja", "jinja2", "template", "tmpl", "tpl"])
_PLAIN = frozenset(["c", "h", "m", "t", "s", "r", "v", "in", "map"])
"""File extensions that are not a language as complete names."""
_SHEBANG = compile_lazily(
    rb"#![^\n]{0,200}?\b(python|bash|zsh|ksh|dash|sh|fish|ruby|perl|node|deno|php|lua|pwsh|Rscript|tclsh)"
)

_EXTENSIONS = {
    NONE: "json ipynb csv tsv psv har geojson webmanifest tfstate jsonl ndjson avsc map svgz pdf",
    "python": "py pyi pyw pyx pxd bzl bazel star tiltfile sconstruct",
    "javascript": "js jsx mjs cjs ts tsx mts cts es6 gs",
    "json5": "jsonc json5 code-workspace hjson",
    "c": "c h cc cpp cxx hpp hh hxx m mm ino cu proto thrift idl glsl hlsl v sv sol",
    "csharp": "cs csx cake",
    "java": "java bicep",
    "kotlin": "kt kts scala sc sbt",
    "swift": "swift",
    "dart": "dart",
    "groovy": "groovy gradle gvy jenkinsfile",
    "go": "go",
    "rust": "rs",
    "zig": "zig",
    "php-page": "php phtml php5 php7 inc",
    "css": "css",
    "scss": "scss sass less styl",
    "shell": "sh bash zsh ksh fish command envrc bashrc zshrc profile bash_profile bash_login bash_aliases zprofile "
    "zshenv bash_history zsh_history ebuild bats",
    "powershell": "ps1 psm1 psd1",
    "batch": "bat cmd",
    "ruby": "rb rake gemspec ru podspec rakefile gemfile vagrantfile brewfile podfile fastfile cr",
    "perl": "pl pm t pod",
    "yaml": "yml yaml sls clang-format gemrc",
    "toml": "toml",
    "ini": "ini cfg credentials boto s3cfg npmrc pypirc gitconfig editorconfig service socket timer desktop inf reg "
    "pylintrc flake8 coveragerc netrc pgpass passwd-s3fs tox",
    "properties": "properties",
    "lines": "gitignore dockerignore gitattributes npmignore helmignore codeowners requirements crontab",
    "env": "env",
    "dockerfile": "dockerfile containerfile",
    "conf": "conf config nginx htaccess hocon rc",
    "make": "mk mak makefile gnumakefile justfile",
    "cmake": "cmake",
    "hcl": "tf tfvars hcl nomad tofu pkrvars",
    "nix": "nix",
    "jsonnet": "jsonnet libsonnet",
    "graphql": "graphql gql",
    "sql": "sql psql pgsql ddl dml hql",
    "lua": "lua",
    "haskell": "hs lhs elm purs idr agda",
    "ada": "adb ads vhd vhdl",
    "ocaml": "ml mli fs fsi fsx",
    "pascal": "pas pp dpr",
    "erlang": "erl hrl",
    "tex": "tex sty cls bib ltx",
    "matlab": "matlab octave",
    "m4": "m4 ac",
    "lisp": "lisp lsp el clj cljs cljc edn scm rkt ss",
    "assembly": "asm s nasm",
    "vb": "vb vbs bas frm",
    "vim": "vim vimrc gvimrc",
    "fortran": "f90 f95 f03 f08",
    "r": "r rmd",
    "julia": "jl",
    "elixir": "ex exs",
    "nim": "nim nims",
    "coffeescript": "coffee",
    "tcl": "tcl",
    "asciidoc": "adoc asciidoc",
    "restructuredtext": "rst",
    "xml": "xml xsd xsl xslt svg plist csproj vbproj fsproj props targets nuspec pom wsdl xaml resx kml rss",
    "html": "html htm xhtml vue svelte astro jsp asp aspx ejs hbs handlebars mustache twig liquid njk cshtml",
    "template": "gotmpl",
    "markdown": "md markdown mdx mdown qmd",
}
_BY_EXTENSION = {word: name for name, words in _EXTENSIONS.items() for word in words.split()}
_SPOKEN = {
    "python3": "python", "node": "javascript", "deno": "javascript", "typescript": "javascript", "dash": "shell",
    "console": "shell", "terminal": "shell", "dotenv": "env", "terraform": "hcl", "docker": "dockerfile",
    "pwsh": "powershell", "golang": "go", "c++": "c", "c#": "csharp", "php": "php", "shell-session": "shell",
    "rscript": "r", "tclsh": "tcl", "text": UNKNOWN, "txt": UNKNOWN, "plaintext": UNKNOWN, "latex": "tex",
    "bat": "batch", "viml": "vim", "vimscript": "vim", "cloudformation": "yaml", "objective-c": "c",
}  # fmt: skip
_NAMES = {
    "cmakelists.txt": "cmake", "requirements.txt": "lines", "build": "python", "workspace": "python",
    "go.mod": "go", "cargo.lock": "toml", "poetry.lock": "toml", "pipfile": "toml", "composer.lock": NONE,
    "pipfile.lock": NONE, "config.ru": "ruby",
}  # fmt: skip


def identify_language(path: str, data: bytes) -> str:
    """The language of a file: a name of the table, UNKNOWN, or NONE."""
    folder, _, name = path.lower().replace("\\", "/").rpartition("/")
    if name == "config" and folder.rpartition("/")[2] in (".aws", ".git", ".ssh"):
        return "ini"
    found = _match_name(name)
    if found is None and "." not in name.lstrip("."):
        shebang = _SHEBANG.match(data)
        found = resolve_language(shebang[1].decode().lower()) if shebang else None
    return UNKNOWN if found is None else found


def resolve_language(word: str) -> str:
    """The language with the name `word`, UNKNOWN if there is none."""
    if word in _SPOKEN:
        return _SPOKEN[word]
    return word if word in _EXTENSIONS else _BY_EXTENSION.get(word, UNKNOWN)


def _match_name(name: str) -> str | None:
    """The language of a file's name, also before extensions such as `.example`."""
    unwrapped = ""
    for _ in range(3):
        if name in _NAMES:
            return _NAMES[name]
        stem, _, extension = name.rpartition(".")
        if extension in _BY_EXTENSION and (stem or extension not in _PLAIN):
            return _BY_EXTENSION[extension]
        if not stem or extension not in _WRAPPERS:
            break
        name, unwrapped = stem, unwrapped or extension
    return _match_prefix(name) or ("template" if unwrapped in _TEMPLATES else None)


def _match_prefix(name: str) -> str | None:
    for start in ("dockerfile", "containerfile", "makefile", "jenkinsfile"):
        if name.startswith(start + "."):
            return _BY_EXTENSION[start]
    return "env" if name.startswith((".env", "env.")) or name.endswith(".env") else None
