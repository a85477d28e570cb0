"""An API key of SendGrid.

What it does
    Finds `SG.` keys of 22 and 43 characters.

Why it matters
    Anyone with it can send mail in the company's name and read its contacts.

How to fix
    Delete the key in the settings.

References
    https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import AFTER_DASH, build_token_rule, make_kind

_KINDS = (
    make_kind("sendgrid", "SendGrid API key", rb"SG\.", (rb"[A-Za-z0-9_\-]", 22), rb"\.[A-Za-z0-9_\-]{43}", AFTER_DASH),
)
RULE = build_token_rule(
    177,
    "sendgrid-key",
    "A SendGrid API key",
    _KINDS,
    revoke="https://app.sendgrid.com/settings/api_keys > Delete",
    references=("https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",),
)
