"""Installs credguard's git hooks and removes them again; existing hooks are kept and restored."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.git.repository import Git
from credguard.hooks import scripts
from credguard.hooks.events import DEFAULT, HOOK_NAMES
from credguard.hooks.locate import find_generator, find_manager, locate_hooks, must_be_folder, read_hook
from credguard.hooks.scripts import CHAINED
from credguard.system import atomic
from credguard.system.compat import is_standalone_build

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from credguard.git.repository import GitSetting
    from credguard.hooks.locate import HookFolder, Manager

_EXECUTABLE = 0o755
_LEGACY = ".legacy"
_PROBE = "import sys; sys.path[:] = filter(None, sys.path); import credguard.cli"


class ManagedError(CredguardError):
    """Another program manages the hooks; `advice` is what to add to its files."""

    def __init__(self, owner: Manager) -> None:
        super().__init__(
            f"{owner.name} manages the hooks here, so nothing was installed",
            "add the lines shown to its files, then check with `credguard hook doctor`",
        )
        self.advice = owner.advice


def parse_hook_names(words: str | None) -> tuple[str, ...]:
    """The hooks of a comma-separated list, in the order in which git runs them; none for None.

    Raises CredguardError for an unknown name and for an empty list.
    """
    if words is None:
        return ()
    wanted = {word.strip() for word in words.split(",")}
    unknown = sorted(wanted - set(HOOK_NAMES))
    if unknown:
        raise CredguardError(f"{unknown[0]!r} is not a hook of credguard", f"choose from {', '.join(HOOK_NAMES)}")
    return tuple(name for name in HOOK_NAMES if name in wanted)


def install(folder: Path, names: Sequence[str] = (), python: str = sys.executable) -> list[str]:
    """Installs hooks (default: the usual four, in a bare repository pre-receive) where git looks for them from
    `folder`; they start credguard with `python`.

    Returns what was done, one line each. Raises CredguardError, if possible before anything is written.
    """
    place = locate_hooks(folder)
    must_be_folder(place)
    names = names or (("pre-receive",) if place.bare else DEFAULT)
    owner = find_manager(place, names)
    if owner:
        raise ManagedError(owner)
    return _install_into(place.path, names, python) + _collect_remarks(place)


def uninstall(folder: Path, names: Sequence[str] = ()) -> list[str]:
    """Removes credguard's hooks (default: all) from where git looks for hooks and from where it would without
    core.hooksPath, and restores the previous ones. Returns what was done, one line each."""
    place = locate_hooks(folder)
    lines = [line for path in dict.fromkeys((place.path, place.default)) for line in _remove_from(path, names)]
    return lines or [f"{place.path} has no hook written by `credguard install`"]


def install_global(names: Sequence[str] = (), python: str = sys.executable) -> list[str]:
    """Installs hooks for new repositories: into the folder that core.hooksPath names for all repositories, else into
    the template that init.templateDir names, else into credguard's own template, to which init.templateDir is then set.
    Returns what was done, one line each; raises CredguardError."""
    names = names or DEFAULT
    shared, template = _find_account_setting("core.hooksPath"), _find_account_setting("init.templateDir")
    if shared:
        lines = _install_for_all(_require_absolute(shared, "core.hooksPath"), names, python)
        return [*lines, "core.hooksPath points there, so git runs these hooks in every repository of this account"]
    if template:
        lines = _install_for_all(_require_absolute(template, "init.templateDir") / "hooks", names, python)
    else:
        own = locate_template()
        _check_git_settings()
        lines = _install_into(own / "hooks", names, python)
        _write(own / "info" / "exclude", b"", 0o644)  # git creates .git/info only from the template
        Git(own).run("config", "--global", "init.templateDir", str(own))
        lines.append(f"init.templateDir is now {own}")
    return [*lines, "git copies these hooks into each repository that it creates or clones from now on; in"
                    " existing ones, run `credguard install`"]  # fmt: skip


def _install_for_all(folder: Path, names: Sequence[str], python: str) -> list[str]:
    owner = find_generator(folder, Path(), names)
    if owner:
        raise ManagedError(owner)
    return _install_into(folder, names, python)


def uninstall_global(names: Sequence[str] = ()) -> list[str]:
    """Removes what `install_global` installed; repositories created in the meantime keep their copies."""
    own = locate_template()
    shared, template = _find_account_setting("core.hooksPath"), _find_account_setting("init.templateDir")
    folders = [Path(shared.value)] if shared else []
    folders += [Path(template.value) / "hooks"] if template else []
    folders = [path for path in folders if path.is_absolute()]
    lines = [line for path in dict.fromkeys((*folders, own / "hooks")) for line in _remove_from(path, names)]
    if not any(os.path.lexists(own / "hooks" / name) for name in HOOK_NAMES):
        if template and Path(template.value) == own:
            _check_git_settings()
            Git(Path(os.sep)).run("config", "--global", "--unset", "init.templateDir")
            lines.append("init.templateDir is no longer set")
        _clear_template(own)
    return lines or ["there is no hook written by `credguard install --global`"]


def locate_template() -> Path:
    """The folder of credguard's own template: `$XDG_DATA_HOME/credguard/template`, or the platform's default."""
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    return (Path(base) if base else Path("~/.local/share").expanduser()) / "credguard" / "template"


def _find_account_setting(key: str) -> GitSetting | None:
    """The setting for all repositories of this account."""
    settings = [s for s in Git(Path(os.sep)).read_settings(key) if s.scope in {"global", "system"}]
    return settings[-1] if settings else None


def _require_absolute(setting: GitSetting, key: str) -> Path:
    path = Path(setting.value)
    if not path.is_absolute():
        raise CredguardError(
            f"{key} is {path} for all repositories, a different folder in each",
            "run `credguard install` in each, or set it to one folder",
        )
    return path


def _check_git_settings() -> None:
    """git replaces its settings file by a new one, which would replace a device with a file."""
    files = (os.environ.get("GIT_CONFIG_GLOBAL"), os.path.expanduser("~/.gitconfig"))
    for file in files:
        if file and os.path.exists(file) and not os.path.isfile(file):
            raise CredguardError(f"git's settings {file} are not a file", "unset GIT_CONFIG_GLOBAL and run this again")


def _install_into(folder: Path, names: Sequence[str], python: str) -> list[str]:
    _check_python(python)
    for name in names:
        _check_room(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [f"{name}: {_install_one(folder / name, python)}" for name in names]
    except OSError as error:
        raise CredguardError(
            f"hooks could not be written to {folder}: {error.strerror}", "check its permissions and what it is"
        ) from error


def _check_python(python: str) -> None:
    """The hook must find credguard in any folder, without this shell's settings."""
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that runs now, no shell
            [python, "--version"] if is_standalone_build() else [python, "-E", "-c", _PROBE],
            cwd=os.sep,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise CredguardError(f"{python or 'Python'} cannot be started: {error.strerror}", "install it again") from error
    if done.returncode:
        raise CredguardError(
            f"{python} finds credguard only in this folder or through PYTHONPATH, which a hook does not use",
            "install credguard with pip and run this again",
        )


def _check_room(hook: Path) -> None:
    content, kept = read_hook(hook), _locate_chained(hook)
    theirs = content is not None and not _is_ours(content, hook)
    # The same hook under both names is left by an interrupted installation, which is completed.
    if theirs and os.path.lexists(kept) and not _is_ours_again(kept, hook) and not _is_same_hook(hook, kept):
        raise CredguardError(
            f"{hook} and {kept} are both third-party hooks",
            "merge them into the first, delete the second, run this again",
        )


def _install_one(hook: Path, python: str) -> str:
    """Writes one hook unless it exists; returns what was done."""
    text = scripts.format_installed_hook(hook.name, python)
    content, kept = read_hook(hook), _locate_chained(hook)
    if _is_ours_again(kept, hook):
        kept.unlink()  # it must not run after itself
    if content is not None and scripts.is_own_script(content, hook.name):
        return f"already there, the plain hook in {hook.parent}"
    if content == text and not hook.is_symlink() and stat.S_IMODE(hook.stat().st_mode) == _EXECUTABLE:
        return f"already there, in {hook.parent}"
    if content is None or scripts.is_installed(content):
        _write(hook, text, _EXECUTABLE)
        return f"{'installed in' if content is None else 'renewed in'} {hook.parent}"
    runs = os.access(hook, os.X_OK)
    _put_before(hook, text)
    after = "runs after it" if runs else "is not executable, so it does not run, as before"
    return f"installed in {hook.parent}; the existing hook is now {hook.name}{CHAINED} and {after}"


def _put_before(hook: Path, text: bytes) -> None:
    """Gives the existing hook a second name, under which credguard's runs it, then replaces it: at every moment one of
    them is in place. Raises OSError, with everything unchanged."""
    kept = _locate_chained(hook)
    if not os.path.lexists(kept):
        _keep(hook, kept)
    try:
        _write(hook, text, _EXECUTABLE)
    except OSError:
        kept.unlink()
        raise


def _keep(hook: Path, kept: Path) -> None:
    try:
        os.link(hook, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):  # no hard links here, not to links, or not to another user's file
        if hook.is_symlink():
            os.symlink(os.readlink(hook), kept)
        else:
            there = hook.stat()
            atomic.replace_file(kept, hook.read_bytes(), stat.S_IMODE(there.st_mode))
            os.utime(kept, ns=(there.st_atime_ns, there.st_mtime_ns))


def _is_ours_again(kept: Path, hook: Path) -> bool:
    """True if credguard's own hook, or a link to it, is in place of the one that should run after it."""
    if not os.path.lexists(kept) or not _is_ours(read_hook(kept) or b"", hook):
        return False
    return not kept.is_symlink() or os.path.realpath(kept) == os.path.realpath(hook)


def _is_same_hook(hook: Path, kept: Path) -> bool:
    """True if both names are of the same file, or of two that git could not distinguish."""
    one, other = hook.lstat(), kept.lstat()
    if os.path.samestat(one, other):
        return True
    if one.st_mode != other.st_mode:
        return False
    if hook.is_symlink():
        return os.readlink(hook) == os.readlink(kept)
    return stat.S_ISREG(one.st_mode) and hook.read_bytes() == kept.read_bytes()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Writes a file atomically, replacing a link too; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.create_temp_file(path, content, mode) as fresh:
        os.replace(fresh, path)


def _collect_remarks(place: HookFolder) -> list[str]:
    """Other remarks about the folder."""
    remarks = []
    if place.setting and place.setting.scope in {"global", "system"} and Path(place.setting.value).is_absolute():
        remarks.append(f"{place.origin} applies to all repositories: git runs these hooks in every one of them")
    if place.in_work_tree:
        remarks.append(
            f"{place.path} is part of the work tree: these hooks contain the path of this machine's Python, and"
            " use credguard from PATH elsewhere; to commit hooks for everyone, use the plain ones of"
            " credguard's folder hooks/"
        )
    return remarks


def _remove_from(folder: Path, names: Iterable[str]) -> list[str]:
    """Removes credguard's hooks from a folder; returns what was done."""
    lines = []
    try:
        for name in names or HOOK_NAMES:
            # The pre-commit framework moves the hook that it finds to NAME.legacy and runs it from there.
            for hook in (folder / name, folder / (name + _LEGACY)):
                lines += _remove_one(hook, _locate_chained(folder / name))
            if os.path.lexists(_locate_chained(folder / name)):
                lines.append(
                    f"{name}: left {_locate_chained(folder / name)}, because another program's hook has replaced {name}"
                )
    except OSError as error:
        raise CredguardError(
            f"hooks in {folder} could not be removed: {error.strerror}", "check its permissions"
        ) from error
    return lines


def _remove_one(hook: Path, kept: Path) -> list[str]:
    atomic.clear_leftovers(hook)
    atomic.clear_leftovers(kept)
    content = read_hook(hook) if os.path.lexists(hook) else None
    if _is_ours_again(kept, hook):
        kept.unlink()  # it must not replace the hook that is removed
    if content is None:
        if os.path.lexists(kept) and not hook.name.endswith(_LEGACY):
            os.rename(kept, hook)
            return [f"{hook.name}: restored the previous hook in {hook.parent}"]
        return []
    if scripts.is_own_script(content, hook.name):
        return [f"{hook.name}: not changed, the plain hook in {hook.parent}; delete it yourself"]
    if not scripts.is_installed(content):
        if os.path.lexists(kept) and _is_same_hook(hook, kept):
            kept.unlink()  # an installation was interrupted before it was complete
            return [f"{hook.name}: the previous hook is in place in {hook.parent}"]
        return []
    if os.path.lexists(kept):
        os.replace(kept, hook)
        return [f"{hook.name}: removed and restored the previous hook in {hook.parent}"]
    hook.unlink()
    return [f"{hook.name}: removed from {hook.parent}"]


def _clear_template(own: Path) -> None:
    """Removes what `install_global` created, and nothing else."""
    exclude = own / "info" / "exclude"
    if exclude.is_file() and not exclude.stat().st_size:
        exclude.unlink()
    for folder in (own / "info", own / "hooks", own, own.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _locate_chained(hook: Path) -> Path:
    return hook.with_name(hook.name + CHAINED)


def _is_ours(content: bytes, hook: Path) -> bool:
    return scripts.is_installed(content) or scripts.is_own_script(content, hook.name)
