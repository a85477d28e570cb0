"""A push is compared with what the place that it goes to has, whatever the remote is called.

Every push below goes through git's own hook to a bare repository on disk. The key was committed, and one place has it
already: a push there passes, a push to any other place is stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooking import cloned, commit_leak, git, hooked
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def private(tmp_path: Path) -> Repository:
    """Has the key already."""
    return Repository(tmp_path / "private.git", bare=True)


@pytest.fixture
def public(tmp_path: Path) -> Repository:
    """Has not."""
    return Repository(tmp_path / "public.git", bare=True)


@pytest.fixture
def repo(tmp_path: Path, private: Repository) -> Repository:
    """A work tree whose remote `origin` is private; main is there with the key in it."""
    repo = cloned(tmp_path / "work", private)
    commit_leak(repo)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    repo.commit("more", {"more.txt": "more\n"})
    return repo


def stops(repo: Repository, *words: str) -> bool:
    """Whether `git WORDS` is stopped by the key."""
    done = git(repo.folder, *words)
    assert not done.returncode or "CG103" in done.stderr, done.stderr
    return done.returncode != 0


NEW = "HEAD:refs/heads/new"


def test_where_it_is_already(repo: Repository) -> None:
    assert not stops(repo, "push", "origin", NEW)
    assert not stops(repo, "push", "origin", "main")


@pytest.mark.parametrize("what", ["main", NEW])
class TestElsewhere:
    def test_a_push_url(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("config", "remote.origin.pushurl", str(public.folder))
        assert stops(repo, "push", "origin", what)

    def test_a_push_url_of_the_command_line(self, repo: Repository, public: Repository, what: str) -> None:
        assert stops(repo, "-c", f"remote.origin.pushurl={public.folder}", "push", "origin", what)

    def test_one_of_several_push_urls(
        self, repo: Repository, private: Repository, public: Repository, what: str
    ) -> None:
        for place in (private, public):
            repo.git("config", "--add", "remote.origin.pushurl", str(place.folder))
        assert stops(repo, "push", "origin", what)
        assert not public.git("for-each-ref")

    def test_a_second_url(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("remote", "set-url", "--add", "origin", str(public.folder))
        assert stops(repo, "push", "origin", what)
        assert not public.git("for-each-ref")

    @pytest.mark.parametrize("name", ["pushInsteadOf", "insteadOf"])
    def test_another_url_instead(
        self, repo: Repository, private: Repository, public: Repository, what: str, name: str
    ) -> None:
        repo.git("config", f"url.{public.folder}.{name}", str(private.folder))
        assert stops(repo, "push", "origin", what)

    def test_a_url_that_has_changed(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("remote", "set-url", "origin", str(public.folder))
        assert stops(repo, "push", "origin", what)

    def test_a_url_that_has_changed_since_the_clone(
        self, repo: Repository, private: Repository, public: Repository, tmp_path: Path, what: str
    ) -> None:
        private.git("symbolic-ref", "HEAD", "refs/heads/main")
        repo.git("clone", "-q", str(private.folder), str(tmp_path / "clone"))
        clone = hooked(tmp_path / "clone")
        assert not stops(clone, "push", "origin", NEW)
        clone.git("remote", "set-url", "origin", str(public.folder))
        assert stops(clone, "push", "origin", what)

    def test_a_place_without_a_remote(self, repo: Repository, public: Repository, what: str) -> None:
        assert stops(repo, "push", str(public.folder), what)

    def test_a_remote_below_another(self, repo: Repository, private: Repository, public: Repository, what: str) -> None:
        """`up` is public; refs/remotes/up/private/main shows what `up/private` has."""
        repo.git("remote", "add", "up", str(public.folder))
        repo.git("config", "remote.up/private.url", str(private.folder))
        repo.git("config", "remote.up/private.fetch", "+refs/heads/*:refs/remotes/up/private/*")
        repo.git("fetch", "-q", "up/private")
        assert repo.git("for-each-ref", "refs/remotes/up/private/main")
        assert stops(repo, "push", "up", what)

    @pytest.mark.parametrize("space", ["refs/remotes/public/*", "refs/remotes/public/x/*", "refs/remotes/p*"])
    def test_refs_kept_in_anothers_place(self, repo: Repository, public: Repository, what: str, space: str) -> None:
        repo.git("remote", "add", "public", str(public.folder))
        repo.git("config", "--add", "remote.origin.fetch", f"+refs/heads/*:{space}")
        repo.git("fetch", "-q", "origin")
        assert stops(repo, "push", "public", what)

    def test_a_mirror_of_ones_own_branches(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("remote", "add", "public", str(public.folder))
        repo.git("config", "remote.public.fetch", "+refs/*:refs/*")
        assert stops(repo, "push", "public", what)

    def test_a_ref_that_is_no_longer_fetched(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("remote", "add", "public", str(public.folder))
        repo.git("update-ref", "refs/remotes/public/main", "HEAD")
        repo.git("config", "--add", "remote.public.fetch", "^refs/heads/main")
        assert stops(repo, "push", "public", what)

    def test_a_link_among_the_refs(self, repo: Repository, public: Repository, what: str) -> None:
        repo.git("remote", "add", "public", str(public.folder))
        repo.git("symbolic-ref", "refs/remotes/public/link", "refs/heads/main")
        assert stops(repo, "push", "public", what)


def test_after_a_push_to_the_push_url(repo: Repository, private: Repository, public: Repository) -> None:
    """git moves origin's tracking refs, which are to show the fetch URL, wherever the push has gone."""
    repo.git("remote", "add", "both", str(public.folder))
    repo.git("config", "remote.both.pushurl", str(private.folder))
    repo.git("push", "-q", "--no-verify", "both", NEW)
    assert repo.git("for-each-ref", "refs/remotes/both/new")
    repo.git("config", "--add", "remote.both.pushurl", str(public.folder))
    assert stops(repo, "push", "both", NEW)


def test_what_git_says_of_the_other_side_counts(repo: Repository, private: Repository) -> None:
    """Without any tracking ref: the branch that is there already tells what is known."""
    assert stops(repo, "push", str(private.folder), NEW)
    assert not stops(repo, "push", str(private.folder), "main")


def test_a_branch_that_was_deleted_there(repo: Repository, private: Repository) -> None:
    repo.git("push", "-q", "--no-verify", "origin", NEW)
    repo.git("fetch", "-q", "origin")
    private.git("update-ref", "-d", "refs/heads/new")
    repo.commit("later", {"later.txt": "later\n"})
    assert not stops(repo, "push", "origin", NEW)


def test_other_refspecs_of_the_remotes_own(repo: Repository) -> None:
    repo.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/elsewhere/trunk")
    repo.git("update-ref", "-d", "refs/remotes/origin/main")
    repo.git("fetch", "-q", "origin")
    assert not stops(repo, "push", "origin", NEW)


def test_the_framework_tells_the_url_in_its_variables(
    repo: Repository, private: Repository, public: Repository
) -> None:
    for place, passes in ((private, True), (public, False)):
        told = {"PRE_COMMIT": "1", "PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_REMOTE_URL": str(place.folder)}
        done = git(repo.folder, "hook", "run", "pre-push", **told)
        assert (done.returncode == 0) == passes, done.stderr
