"""Visual Studio: which compilers of it are installed, and the environment that they need."""
