// Walks over expressions, and what a file's statements read: for passes that do not run anything.
//
// Pure functions; any thread.
#pragma once

#include <set>
#include <string_view>

#include "compiler/callback.h"
#include "lang/syntax.h"

namespace hv::compiler {

// Every expression from `expr` down, parents first; `visit` says whether to go deeper. Null is
// nothing.
void walk(const lang::Expr* expr, Callback<bool(const lang::Expr*)> visit);

// Names that the file reads, or binds by import, for or def: its own, whatever they look like.
std::set<std::string_view> names_read(const lang::SyntaxTree& tree);
void collect_read(lang::Block body, std::set<std::string_view>& read);

// Whether one insertion, deletion, change or transposition makes one of the other (or nothing).
bool is_one_edit(std::string_view a, std::string_view b);

}  // namespace hv::compiler
