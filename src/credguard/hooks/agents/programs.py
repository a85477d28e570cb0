"""Programs, by what they do with files and credentials that a command hands to them."""

from __future__ import annotations

PRINTERS = frozenset(
    "cat tac nl head tail less more most bat batcat "
    "view strings xxd od hexdump hd base64 base32 basenc sort uniq cut "
    "paste fold fmt pr rev column expand awk gawk mawk nawk sed perl grep egrep fgrep zgrep zcat bzcat xzcat gunzip rg "
    "ag ack ugrep jq yq dasel diff colordiff cmp comm dd iconv tee pbcopy xclip glow mdcat vim vi nvim nano ed "
    "get-content gc type select-string sls import-csv "
    "unexpand tsort m4 cpp hexyl pandoc delta ascii-xfr numfmt nroff groff enscript lynx w3m elinks mlr csvlook "
    "xsv xmllint xmlstarlet tidy plutil uuencode basez zstdcat lz4cat lzcat fzf diff3 sdiff wdiff difft ul cpio "
    "ex emacs openssl gpg age busybox toybox split csplit join look tr shuf ccat pygmentize highlight ".split()
)
SENDERS = frozenset("curl wget http https xh nc ncat netcat socat telnet mail sendmail gh glab".split())
ECHOES = frozenset("echo printf print write-output write-host cat tee".split())
QUIET_BUILTINS = frozenset("export declare typeset local readonly eval set source . unset read alias".split())
LOOPS = frozenset("done read mapfile readarray".split())
COPIES = frozenset("cp mv ln install rsync scp tar zip gzip 7z".split())
WRAPPERS = frozenset(
    "sudo doas time nice ionice nohup command exec builtin env xargs timeout stdbuf unbuffer watch busybox toybox "
    "parallel caffeinate setsid chronic then do else if while until ! { ( winpty".split()
)
SHELL_PROGRAMS = frozenset("sh bash zsh dash ksh fish ash pwsh powershell cmd".split())
INLINE = {
    "-c": "python python2 python3 pypy pypy3 ipython php", "-e": "node nodejs ruby perl bun deno lua julia r rscript",
    "-p": "node nodejs bun", "-r": "php", "eval": "deno bun", "-": "python python3 node ruby perl php",
    "-m": "python python3", "--eval": "node nodejs bun", "--print": "node nodejs", "-pe": "node perl", "-ne": "perl",
}  # fmt: skip
INTERPRETERS = frozenset(" ".join(INLINE.values()).split())
ENVIRONMENT = (
    "environ", "getenv", "process.env", 'process["env', "process['env", "deno.env", "bun.env", "env[", "env.", "%env",
    "$env", "p env", "env:", "puts env", "env.to",
)  # fmt: skip
STEADY = frozenset(
    "ls stat file wc du rm mv cp chmod chown chgrp touch mkdir rmdir ln test [ [[ source . export cd pushd git docker "
    "podman kubectl helm terraform tofu pulumi ansible ansible-playbook make npm yarn pnpm pytest tox nox node python "
    "python3 ruby go cargo java mvn gradle psql mysql mongosh redis-cli sops git-crypt direnv dotenv shellcheck code "
    "open xdg-open sha256sum sha1sum md5sum cksum aws realpath readlink basename dirname credguard pre-commit ssh-add "
    "ssh rsync scp true false : sam cdk serverless uv pip pipenv poetry bundle rails php composer dotnet "
    "bun deno".split()
)
"""Programs that use a file without printing it."""
# What prints credentials by itself; the words have to follow each other.
CREDENTIALS = (
    ("aws", "configure", "get", "aws_secret_access_key"), ("aws", "configure", "get", "aws_session_token"),
    ("aws", "configure", "get", "secret"), ("aws", "configure", "export-credentials"),
    ("aws", "sts", "assume-role"), ("aws", "sts", "assume-role-with-saml"),
    ("aws", "sts", "assume-role-with-web-identity"), ("aws", "sts", "get-session-token"),
    ("aws", "sts", "get-federation-token"), ("aws", "sts", "assume-root"), ("aws", "iam", "create-access-key"),
    ("aws", "iam", "create-service-specific-credential"), ("aws", "iam", "reset-service-specific-credential"),
    ("aws", "secretsmanager", "get-secret-value"), ("aws", "secretsmanager", "batch-get-secret-value"),
    ("aws", "secretsmanager", "get-random-password"), ("aws", "ssm", "get-parameter", "--with-decryption"),
    ("aws", "ssm", "get-parameters", "--with-decryption"),
    ("aws", "ssm", "get-parameters-by-path", "--with-decryption"), ("aws", "ecr", "get-login-password"),
    ("aws", "ecr", "get-authorization-token"), ("aws", "ecr-public", "get-login-password"),
    ("aws", "eks", "get-token"), ("aws", "rds", "generate-db-auth-token"), ("aws", "sso", "get-role-credentials"),
    ("aws", "codeartifact", "get-authorization-token"), ("aws", "cognito-identity", "get-credentials-for-identity"),
    ("aws-vault", "export"), ("gh", "auth", "token"), ("gcloud", "auth", "print-access-token"),
    ("az", "account", "get-access-token"), ("vault", "kv", "get"), ("vault", "read"), ("op", "read"), ("pass", "show"),
    ("aws", "kms", "decrypt"), ("aws-vault", "exec", "env"), ("security", "find-generic-password", "-w"),
)  # fmt: skip
KNOWN = STEADY | ECHOES | SENDERS | COPIES | SHELL_PROGRAMS
STARTERS = frozenset(
    "docker podman kubectl ssh npm yarn pnpm uv pip pipenv poetry bundle bun deno composer dotnet direnv".split()
)
"""Programs that start another one, which stands among their words."""
SEARCHES = frozenset("grep egrep fgrep zgrep rg ag ack ugrep".split())
"""Programs that print the lines of a folder's files that hold a pattern."""
