// Fuzzing without coverage: inputs are made from seeds by edits that know the shape of the text,
// run in a child process, and what fails is shrunk and written to a file.
//
// Tests only. One thread; the child is forked, so a target may crash or hang.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace hv::fuzz {

struct Target {
  std::string name;
  std::string about;  // one line for the list of targets
  // What is wrong with how `input` was treated; empty: nothing. A crash is caught outside.
  std::function<std::string(std::string_view)> run;
  std::vector<std::string> seeds;
  std::vector<std::string> words;  // pieces that inputs of this kind are made of
  // Makes another input of a seed; empty: edit_text.
  std::function<std::string(const Target&, std::string_view seed, Random&)> edit;
};

// targets_*.cpp
std::vector<Target> language_targets();
std::vector<Target> project_targets();
std::vector<Target> record_targets();
std::vector<Target> program_targets();
std::vector<Target> lsp_targets();

// edits.cpp
// Cuts, splices, repeats, moves and replaces words, lines and bytes.
std::string edit_text(const Target& target, std::string_view seed, Random& random);
// The same for a protobuf message: fields are dropped, repeated, swapped, changed.
std::string edit_message(const Target& target, std::string_view seed, Random& random);

struct Options {
  uint64_t seed = 1;
  double seconds = 2;        // of the processor
  uint64_t inputs = 0;       // that many, whatever the time they take; 0: as many as fit in it
  std::string folder = ".";  // where a failing input is written
};
// True where nothing failed. The same seed and the same number of inputs are the same inputs.
bool fuzz(const Target& target, const Options& options);
// One input, in this process: the complaint goes to stderr.
bool run_once(const Target& target, std::string_view input);

// The files below `folder` of the sources whose name ends so.
std::vector<std::string> texts_below(const std::string& folder, const std::string& suffix);

}  // namespace hv::fuzz
