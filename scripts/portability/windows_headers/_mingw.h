#pragma once
#define _SSIZE_T_DEFINED /* Windows has no ssize_t */
#define _PID_T_          /* nor pid_t */
#define _UCRT
#include_next <_mingw.h>
#undef __attribute__
#undef __restrict__
#undef __MINGW_ATTRIB_DEPRECATED
#undef __MINGW_ATTRIB_DEPRECATED_MSG
#undef __MINGW_ATTRIB_NORETURN
#undef __MINGW_ATTRIB_MALLOC
#undef __MINGW_NOTHROW
#define __MINGW_ATTRIB_DEPRECATED
#define __MINGW_ATTRIB_DEPRECATED_MSG(text)
#define __MINGW_ATTRIB_NORETURN
#define __MINGW_ATTRIB_MALLOC
#define __MINGW_NOTHROW
