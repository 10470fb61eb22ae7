"""Verify a message with the library of Standard Webhooks: {"secret", "headers", "body"} on stdin, its words on stdout.

Runs in the environment of other people's clients.
"""

from __future__ import annotations

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
hook = Webhook(given["secret"])
said = {"event": hook.verify(given["body"], given["headers"])}
try:
    hook.verify(given["body"] + " ", given["headers"])
except WebhookVerificationError as error:
    said["changed"] = str(error)
print(json.dumps(said))
