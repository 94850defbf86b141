#pragma once
#include_next <stdlib.h>
#ifdef __cplusplus
extern "C" {
#endif
float _strtof_l(const char *, char **, _locale_t);
long double _strtold_l(const char *, char **, _locale_t);
#ifdef __cplusplus
}
#endif
