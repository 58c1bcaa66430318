"""The hooks by their own path, as `rlm-context install` writes them: `python -I -S …/rlm_context/hooks EVENT`.

The same as `rlm-context hook EVENT`, at half the price: -S leaves out what only installed packages need, and -I what
the folder and the environment of an agent could slip in.
"""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from rlm_context.hooks.run import run_hook

    code = run_hook(sys.argv[1:])
    if code is None:
        print(
            f"rlm-context: no hook {' '.join(sys.argv[1:])}. Next: rlm-context hook --help", file=sys.stderr
        )
    os._exit(2 if code is None else code)  # taking down the interpreter would cost another tenth
