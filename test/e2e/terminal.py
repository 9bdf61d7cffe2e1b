"""Types on a terminal: `terminal.py STEPS PROGRAM [ARGUMENT]...`, where STEPS is JSON, pairs of what to wait for and what to type then.

Copies what the terminal shows, and ends with the program's exit code; with 124 when nothing comes for 20 s.
"""

import json
import os
import pty
import select
import sys
import time

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
unread = ""
while True:
    if not select.select([terminal], [], [], 20)[0]:
        os._exit(124)
    try:
        shown = os.read(terminal, 65536)
    except OSError:  # EIO: nobody has it open any more
        break
    os.write(1, shown)
    unread += shown.decode(errors="replace")
    if steps and steps[0][0] in unread:
        unread = unread.split(steps[0][0], 1)[1]
        time.sleep(0.3)
        os.write(terminal, steps.pop(0)[1].encode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
