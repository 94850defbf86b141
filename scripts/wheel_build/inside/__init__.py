"""Programs that run inside the build environment, with its Python."""
