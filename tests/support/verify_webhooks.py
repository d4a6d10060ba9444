"""Verifies deliveries by the Standard Webhooks library for Python: a line of JSON in, `ok` or why not out."""

import json
import sys

from standardwebhooks import Webhook

for line in sys.stdin:
    delivery = json.loads(line)
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
        print("ok", flush=True)
    except Exception as error:  # noqa: BLE001: whatever it is, the delivery was not accepted
        print(type(error).__name__, flush=True)
