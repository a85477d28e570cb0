"""What is scanned: histories by name and commit, brought by hand, and made-up files that are the same for a seed."""

from __future__ import annotations

import base64
import random
import string
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

HISTORIES = {
    "boto/boto3": "722e01b074c67db38ad226ac1a2dab5c36c1577c",
    "psf/black": "8947c48ef2077c3a301b03c1e814dc2e3f78436e",
    "prowler-cloud/prowler": "3e000faa3109230b748e4418a13c11c9e59f5cfb",
}
"""Repositories on GitHub, each with the commit that its main line had when it was measured first."""
_PLACES = ("{owner}+{name}/repo", "{owner}+{name}", "{owner}/{name}", "{name}", "{owner}+{name}.git", "{name}.git")

WORDS = (
    "value index result buffer name width height count first last item order total line column parse render open "
    "close read write table field number list left right print return update client server request response"
).split()


@dataclass(frozen=True, slots=True)
class History:
    """A repository as it was found."""

    name: str
    wanted: str
    """The commit of the table; empty for one that was given by its path."""
    folder: Path
    has_it: bool
    head: str
    commits: int
    objects: int

    def words(self) -> str:
        """One line on what is there."""
        lacks = "" if self.has_it else f"; LACKS {self.wanted[:12]}"
        return f"{self.name}: HEAD {self.head[:12]}, {self.commits:,} commits, {self.objects:,} objects{lacks}"

    def as_json(self) -> dict[str, Any]:
        """All but the folder, which says nothing elsewhere."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}


def histories(folder: Path, environment: Mapping[str, str]) -> Iterator[History]:
    """The repositories of the table that lie in a folder: `owner+name/repo`, `owner/name`, `name` and so on."""
    for full, commit in HISTORIES.items():
        owner, name = full.split("/")
        places = (folder / place.format(owner=owner, name=name) for place in _PLACES)
        found = next((place for place in places if (place / ".git").exists() or (place / "HEAD").is_file()), None)
        if found:
            yield history(found, environment, full, commit)


def history(folder: Path, environment: Mapping[str, str], name: str = "", wanted: str = "") -> History:
    """What a repository holds; raises CalledProcessError where there is none."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ("git", *words), cwd=folder, env=dict(environment), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    head = git("rev-parse", "HEAD")
    try:
        git("cat-file", "-e", f"{wanted or head}^{{commit}}")
    except subprocess.CalledProcessError:
        has_it = False
    else:
        has_it = True
    counted = dict(line.split(": ") for line in git("count-objects", "-v").splitlines() if line.count(": ") == 1)
    objects = int(counted["count"]) + int(counted["in-pack"])
    commits = int(git("rev-list", "--all", "--count"))
    return History(name or folder.name, wanted, folder, has_it, head, commits, objects)


def source_text(seed: str, size: int) -> bytes:
    """Lines that look like source text, the same for the same seed."""
    seeded = random.Random(seed)
    lines, length = [], 0
    while length < min(size, 1 << 20):
        line = "    " * seeded.randrange(3) + f"{' '.join(seeded.choices(WORDS, k=6))} = {seeded.randrange(10**6)}\n"
        lines.append(line)
        length += len(line)
    piece = "".join(lines).encode()
    return (piece * (size // len(piece) + 1))[:size]


# Of each kind: its share of the files, how large its files are beside others, its endings, its lines. %s is a name,
# %d a number, %h 64 hexadecimal digits, %b 88 characters of base64. Lines after ~ speak of a secret, as rarely as in
# real trees, and hold none.
_KINDS: tuple[tuple[int, float, str, str], ...] = (
    (27, 0.7, "py", 'def %s_%s(self, %s: int = %d) -> str:|    %s = self.%s[%d].%s("%s %s")|    # %s the %s of %s|'
     'from %s.%s import %s|    if %s.%s is not None and %s > %d:|    raise ValueError(f"%s %s: {%s}")||'
     '@%s.%s("%s/%s", "%s")|~    password = os.environ["%s_%d"]|~    token = get_%s(%s, key="%s")'),
    (14, 0.6, "js ts tsx", 'const %s = await %s.%s("/%s/%d");|export function %s(%s: %s) {|  return %s.map((%s) => 0);|'
     '// %s %s %s %s|import { %s, %s } from "../%s/%s";|  it("%s the %s", () => {|}||    });|'
     '~  apiKey: process.env.%s,|~  const token = await %s.%s();'),
    (10, 0.8, "go", 'func (%s *%s) %s(%s int) error {|\tif err := %s.%s(%d); err != nil {|'
     '\treturn fmt.Errorf("%s: %w", err)|// %s %s %s of the %s.|\t%s := make(map[string]%s, %d)|}|'
     '~\tsecretKey := %s.%s()'),
    (7, 0.6, "java cs", '    private final %s %s = new %s(%d);|    public %s get%s(String %s) {|  import org.%s.%s.%s;|'
     '        return this.%s.%s("%s");|    /** %s %s %s */|    }||@%s(name = "%s", value = %d)|'
     '~        this.password = %s.%s();'),
    (11, 3.0, "json", '  "%s": "%s %s %s",|  "%s_%s": %d,|    {"%s": %d, "%s": [%d, %d, %d]},|  "sha256": "%h",|'
     '      "%s": {"%s": "%s", "%s": "%s"},|  },|    "arn:aws:%s:::%s/%s"|~  "key": "%s",|~  "secret": null,'),
    (9, 0.5, "yaml yml", '%s:|  - name: %s %s|    %s: "%d"|  # %s %s %s|      %s: [%s, %s]|'
     '~    password: ${{ secrets.%s }}'),
    (9, 0.6, "md rst txt", '%s %s %s %s the %s of a %s and %s it %s.|## %s %s|- `%s`: %s %s|    $ %s --%s=%d|'
     '[%s](https://example.com/%s/%s)||~Set your key with `%s configure` and never commit a secret.'),
    (2, 0.4, "tf tfvars", '%s = "%s"|%s_%s = %d|# %s %s|%s = "${%s.%s.id}"|%s = [%d, %d]|~password = var.%s'),
    (2, 0.4, "toml ini cfg", '%s = "%s"|%s_%s = %d|[%s.%s]|# %s %s||~password = ${%s}'),
    (3, 0.8, "html css xml", '<div class="%s %s" id="%s%d">%s %s</div>|.%s-%s { %s: %dpx; }|  <%s name="%s">%d</%s>|'
     '<img src="data:image/png;base64,%b">|~<td>token %s</td>'),
    (2, 0.4, "sh", 'export %s="$%s"|if [ "$%s" = "%s" ]; then|  %s --%s "%s" | %s -%d|fi|# %s %s %s|'
     '~export TOKEN="$(%s %s)"'),
    (2, 3.0, "csv sql", '%d,%s,%s %s,%d,%d|%s,%d,%h,%s|INSERT INTO %s VALUES (%d, \'%s\', \'%s\');|~%d,token,%s,%d'),
    (1, 8.0, "lock", '    "node_modules/%s-%s": {|      "version": "%d.0.%d",|      "integrity": "sha512-%b",|    },|'
     '%s-%s==%d.1 --hash=sha256:%h'),
)  # fmt: skip
_MENTIONED = 0.008
_BINARY_SHARE = 2
_POOL = 400_000
_LARGEST = 2_000_000


def make_tree(folder: Path, files: int = 5000, size: int = 94_000_000, seed: int = 20240501) -> None:
    """Writes so many files of about so many bytes in all: source, data, prose, lock files, some binary; few folders
    deep, most files small and some large, as trees are. The same for the same arguments."""
    seeded = random.Random(seed)
    kinds = [*_KINDS, (_BINARY_SHARE, 1.5, "png woff2", "")]
    pools = {endings: _pool(lines, seeded) for _, _, endings, lines in kinds if lines}
    drawn = seeded.choices(kinds, weights=[kind[0] for kind in kinds], k=files)
    weights = [kind[1] * seeded.lognormvariate(0, 1.3) for kind in drawn]
    unit = size / sum(weights)
    for number, (kind, weight) in enumerate(zip(drawn, weights, strict=True)):
        most = min(int(weight * unit), _LARGEST)
        endings = kind[2]
        data = _slices(pools[endings], most, seeded) if kind[3] else b"\x89PNG\r\n\x1a\n\0" + seeded.randbytes(most)
        place = folder.joinpath(*(WORDS[number // 40 // 7**level % 7 + 7 * level] for level in range(3)))
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{seeded.choice(WORDS)}_{number}.{seeded.choice(endings.split())}").write_bytes(data)


def _pool(lines: str, seeded: random.Random) -> list[bytes]:
    """Lines of one kind, some hundred kilobytes of them."""
    templates = [line for line in lines.split("|") if not line.startswith("~")]
    mentions = [line[1:] for line in lines.split("|") if line.startswith("~")] or templates
    made, length = [], 0
    while length < _POOL:
        line = _filled(seeded.choice(mentions if seeded.random() < _MENTIONED else templates), seeded)
        made.append(line)
        length += len(line)
    return made


def _filled(template: str, seeded: random.Random) -> bytes:
    first, *rest = template.split("%")
    return (first + "".join(_FILLERS.get(piece[:1], _percent)(seeded) + piece[1:] for piece in rest) + "\n").encode()


def _percent(_: random.Random) -> str:
    return "%w"


_FILLERS: dict[str, Callable[[random.Random], str]] = {
    "s": lambda seeded: seeded.choice(WORDS),
    "d": lambda seeded: str(seeded.randrange(10 ** seeded.randrange(1, 7))),
    "h": lambda seeded: "".join(seeded.choices(string.hexdigits[:16], k=64)),
    "b": lambda seeded: base64.b64encode(seeded.randbytes(66)).decode(),
}


def _slices(pool: list[bytes], size: int, seeded: random.Random) -> bytes:
    """Runs of lines of the pool, so many bytes."""
    made: list[bytes] = []
    length = 0
    while length < size:
        start = seeded.randrange(len(pool))
        run = pool[start : start + seeded.randrange(5, 60)]
        made += run
        length += sum(map(len, run))
    data = b"".join(made)[:size]
    return data[: data.rfind(b"\n") + 1] or data
