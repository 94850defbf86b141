"""`invoke gui`: opens the window."""

from __future__ import annotations

from importlib.util import find_spec

from scripts.errors import PrerequisiteError
from scripts.window.colours import preferred_shade
from scripts.window.window_options import WindowOptions

NO_TK = (
    "this Python has no tkinter, which the window is made with; on Debian and Ubuntu: apt-get install python3-tk,"
    " on Windows: repair Python with 'tcl/tk and IDLE' ticked, or use another Python"
)


def gui(options: WindowOptions) -> None:
    """Open the window and return when it is closed; raises PrerequisiteError without tkinter or a screen."""
    if find_spec("tkinter") is None or find_spec("_tkinter") is None:
        raise PrerequisiteError(NO_TK, id="no-window")
    import tkinter as tk

    from scripts.window.main_window import MainWindow
    from scripts.window.theme import use_real_dots

    use_real_dots()
    try:
        root = tk.Tk(className="deepspeed-wheels")
    except tk.TclError as error:
        raise PrerequisiteError(
            f"no window can be opened here ({error}); use the tasks themselves: find, install, doctor", id="no-window"
        ) from None
    shade = preferred_shade() if options.shade == "auto" else options.shade
    window = MainWindow(root, "dark" if shade == "dark" else "light")
    window.desk.python.set(options.python)
    window.wheel.index.set(options.index)
    window.look()
    root.mainloop()
