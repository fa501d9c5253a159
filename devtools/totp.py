"""`python -m devtools.totp team-lead`: the one-time code of the moment for a person of the demo."""

import json
import sys

import pyotp

from devtools.demo.keep import TOLD


def main(arguments: list[str]) -> int:
    """Print the code; 1 with a sentence when there is no such role or no demo."""
    if not TOLD.exists():
        print("There is no demo yet: run `make demo`.", file=sys.stderr)
        return 1
    users = json.loads(TOLD.read_text())["users"]
    role = arguments[0] if arguments else ""
    if role not in users:
        print(f"Name a role: {', '.join(users)}.", file=sys.stderr)
        return 1
    print(pyotp.TOTP(users[role]["totp_secret"]).now())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
