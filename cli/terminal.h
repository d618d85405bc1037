// The terminal: colours, questions, Ctrl-C, and where results and everything else go.
#pragma once

#include <string>
#include <string_view>

#include "cli/options.h"

namespace hv::cli {

bool is_terminal(int fd);
// --color, then NO_COLOR, then whether the stream is a terminal.
bool use_color(const Options& options, int fd);

void print(std::string_view text);        // stdout: results
void print_error(std::string_view text);  // stderr: everything else

// Asks on the terminal; only "yes" and "y" are yes.
bool confirm(const std::string& question);

// After the first Ctrl-C interrupted() is true; a second one ends the process at once.
void catch_interrupts();
bool interrupted();

}  // namespace hv::cli
