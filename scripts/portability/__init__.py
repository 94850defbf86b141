"""Would the C++ of a Windows target compile? Asked of clang, which reads it as cl would, on Linux."""
