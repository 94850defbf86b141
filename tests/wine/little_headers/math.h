#pragma once
#include <type_traits>
template <typename T> bool __cdecl isinf(T) noexcept;
template <typename T> bool __cdecl isnan(T) noexcept;
template <typename T> bool __cdecl isfinite(T) noexcept;
template <typename T> bool __cdecl signbit(T) noexcept;
namespace std {
template <typename A, typename B> struct _Common_float { typedef double type; };
template <> struct _Common_float<float, float> { typedef float type; };
template <typename A, typename B> using _Common_float_type_t = typename _Common_float<A, B>::type;
}
