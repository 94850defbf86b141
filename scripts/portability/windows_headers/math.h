#pragma once
#include_next <math.h>
/* Windows names these only where _USE_MATH_DEFINES is set. */
#ifndef _USE_MATH_DEFINES
#undef M_E
#undef M_LOG2E
#undef M_LOG10E
#undef M_LN2
#undef M_LN10
#undef M_PI
#undef M_PI_2
#undef M_PI_4
#undef M_1_PI
#undef M_2_PI
#undef M_2_SQRTPI
#undef M_SQRT2
#undef M_SQRT1_2
#endif
/* Microsoft's are functions, mingw's are macros. */
#ifdef __cplusplus
#undef fpclassify
#undef isfinite
#undef isinf
#undef isnan
#undef isnormal
#undef signbit
#undef isgreater
#undef isgreaterequal
#undef isless
#undef islessequal
#undef islessgreater
#undef isunordered
extern "C++" {
#define OF_ONE(type, name)                                                                                             \
    type name(float) noexcept;                                                                                         \
    type name(double) noexcept;                                                                                        \
    type name(long double) noexcept;
#define OF_TWO(name)                                                                                                   \
    bool name(float, float) noexcept;                                                                                  \
    bool name(double, double) noexcept;                                                                                \
    bool name(long double, long double) noexcept;
OF_ONE(int, fpclassify)
OF_ONE(bool, isfinite)
OF_ONE(bool, isinf)
OF_ONE(bool, isnan)
OF_ONE(bool, isnormal)
OF_ONE(bool, signbit)
OF_TWO(isgreater)
OF_TWO(isgreaterequal)
OF_TWO(isless)
OF_TWO(islessequal)
OF_TWO(islessgreater)
OF_TWO(isunordered)
#undef OF_ONE
#undef OF_TWO
}
#endif
