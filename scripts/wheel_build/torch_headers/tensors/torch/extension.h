// What a unit without bindings needs of torch/extension.h (scripts/wheel_build/small_headers.py).
#pragma once
#include <torch/types.h>
