"""A bot that posts what is said to a URL, signed as GitHub signs its webhooks.

relaychat bot --nick forward --room '#ops' -- python3 forward.py URL SECRET_FILE
"""

import hashlib
import hmac
import json
import sys
import time
import urllib.request as http
from pathlib import Path

url, secret = sys.argv[1], Path(sys.argv[2]).read_bytes().strip()
print('{"type":"hello"}', flush=True)
for line in sys.stdin:
    word = json.loads(line)
    if word["type"] == "welcome":
        continue
    while word["type"] == "said":
        proof = hmac.new(secret, line.encode(), hashlib.sha256).hexdigest()
        told = {"X-Hub-Signature-256": f"sha256={proof}", "X-GitHub-Event": "said"}
        try:
            http.urlopen(http.Request(url, line.encode(), told), timeout=20).close()
            break
        except OSError as error:
            print(error, file=sys.stderr)
            time.sleep(5)
    print('{"type":"done"}', flush=True)
