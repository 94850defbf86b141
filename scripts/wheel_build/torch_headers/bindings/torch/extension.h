// What a unit with bindings needs of torch/extension.h (scripts/wheel_build/small_headers.py).
#pragma once
#include <torch/types.h>
#include <torch/csrc/utils/pybind.h>
