"""`python -m rlm_context` is `rlm-context`."""

from rlm_context.main import main

main()
