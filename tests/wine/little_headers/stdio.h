#pragma once
#include <corecrt.h>
extern "C" int __cdecl printf(const char*, ...);
struct FILE;
extern "C" int __cdecl fprintf(FILE*, const char*, ...);
