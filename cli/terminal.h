// The terminal: colours, questions, Ctrl-C, and where results and everything else go.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/options.h"

namespace hv::cli {

bool is_terminal(int fd);
// Columns of the terminal; 80 where it does not say.
std::size_t terminal_columns(int fd);
// --color, then NO_COLOR, then whether the stream is a terminal.
bool use_color(const Options& options, int fd);

// Once, before anything is opened: closed streams stay unusable, a broken pipe does not kill.
void prepare_streams();
void print(std::string_view text);        // stdout: results
void print_error(std::string_view text);  // stderr: everything else
// What to exit with: a result that could not be written is a failure, said on stderr.
int exit_code(int code);
constexpr std::size_t kLargestInput = 64u << 20;  // as of a source file
// All of standard input; an Error where it has more than `most` bytes.
Result<std::string> read_standard_input(std::size_t most);

// Asks on the terminal; only "yes" and "y" are yes.
bool confirm(const std::string& question);

// After the first Ctrl-C interrupted() is true; a second one ends the process at once.
void catch_interrupts();
bool interrupted();

}  // namespace hv::cli
