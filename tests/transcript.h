// Transcripts: what was typed in a project and what hv answered, kept in a file and played again.
//
// A line `$ hv …` runs the program, `$ cp A B`, `$ rm A`, `$ mkdir A` and `$ edit FILE: OLD => NEW`
// change the files; a line `# …` says why. Below a command stand its standard output, its standard
// error with `! ` before each line, and `=> N` where it did not exit with 0. What differs from run
// to run (random UUIDs, digests, times) is masked, alike things alike.
#pragma once

#include <string>

namespace hv::testing {

// Plays the commands of `transcript` in a fresh copy of `folder` and returns it with the answers of
// now. What cannot be played is said in `trouble`.
std::string play(const std::string& transcript, const std::string& folder, std::string& trouble);

}  // namespace hv::testing
