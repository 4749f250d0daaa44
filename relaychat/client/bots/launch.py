"""Becomes a bot's program: in a process group of its own, with a limit on its memory.

Run as a script by the supervisor (see ``bot``), with an environment made from scratch:
``launch.py MEMORY_MIB PROGRAM [ARGUMENT ...]``; 0 is no limit. It is not imported.
"""

import os
import resource
import sys


def main() -> None:
    """See the module. Ends with 127 if there is no such program."""
    memory_bytes, words = int(sys.argv[1]) * 1024 * 1024, sys.argv[2:]
    os.setsid()
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.execvp(words[0], words)
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
