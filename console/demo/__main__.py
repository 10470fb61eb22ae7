"""`python -m quarterdeck.console.demo DIR PID`: play the loop in a workspace that process PID has open on a screen."""

import sys
from pathlib import Path

from quarterdeck.console.demo.run import play

if __name__ == "__main__":
    try:
        sys.exit(play(Path(sys.argv[1]), host=int(sys.argv[2])))
    except KeyboardInterrupt:
        sys.exit(130)
