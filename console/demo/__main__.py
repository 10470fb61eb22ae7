"""`python -m quarterdeck.console.demo DIR`: play the loop in a workspace that the console has open."""

import sys
from pathlib import Path

from quarterdeck.console.demo.run import play

if __name__ == "__main__":
    sys.exit(play(Path(sys.argv[1]), hosted=True))
