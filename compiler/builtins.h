// The builtin functions, one C++ function each; builtins.cpp has the table of their names.
//
// Each answers failed() after raising. One thread.
#pragma once

#include "compiler/value.h"

namespace hv::compiler {

// Raises a TypeError that shows how it is written.
V wrong_arguments(Call& call, const char* usage);

// ---- builtin_numbers.cpp
V fn_int(Call& call);
V fn_float(Call& call);
V fn_bool(Call& call);
V fn_sum(Call& call);
V fn_abs(Call& call);
V fn_round(Call& call);
V fn_hex(Call& call);
V fn_oct(Call& call);
V fn_bin(Call& call);
V fn_ord(Call& call);
V fn_chr(Call& call);
V fn_divmod(Call& call);
V fn_pow(Call& call);

// ---- builtin_sequences.cpp
V fn_len(Call& call);
V fn_range(Call& call);
V fn_xrange(Call& call);
V fn_list(Call& call);
V fn_tuple(Call& call);
V fn_set(Call& call);
V fn_dict(Call& call);
V fn_sorted(Call& call);
V fn_reversed(Call& call);
V fn_enumerate(Call& call);
V fn_zip(Call& call);
V fn_map(Call& call);
V fn_filter(Call& call);
V fn_reduce(Call& call);
V fn_min(Call& call);
V fn_max(Call& call);
V fn_any(Call& call);
V fn_all(Call& call);

}  // namespace hv::compiler
