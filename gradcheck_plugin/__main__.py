"""`python -m gradcheck_plugin` is the `gradcheck` command."""

import sys

from gradcheck_plugin.cli import main

sys.exit(main())
