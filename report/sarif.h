// SARIF 2.1.0: the frame that the findings of lint and the diagnostics of the compiler share.
//
// For the .cpp files of this folder.
#pragma once

#include <map>
#include <string>

#include "base/codes.h"
#include "report/json_values.h"

namespace hv {

// {"uri": …}: the path as a URI reference.
Json sarif_artifact(const std::string& path);

// One run: results, and the rules that they are results of.
class SarifRun {
 public:
  // A result without locations; what it has more is up to the caller until the next one.
  Json& add(Code code, Severity severity, std::string message);
  // The whole document.
  std::string text() const;

 private:
  std::map<Code, std::size_t> index_;
  Json rules_ = Json::array();
  Json results_ = Json::array();
};

}  // namespace hv
