// Codec: model values as bytes (protobuf, schemas/records.proto) for state, plans and simulator.
//
// Decoding what encode() wrote gives an equal value; unknown fields of a newer minor version are
// ignored; damaged bytes are an Error, never a crash.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "hv/model/applied.h"
#include "hv/model/journal.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"

namespace hv {

std::string encode(const AppliedDomain& domain);
std::string encode(const AppliedPool& pool);
std::string encode(const AppliedVdisk& vdisk);
std::string encode(const NetworkSpec& network);
std::string encode(const Operation& operation);
std::string encode(const Intent& intent);
std::string encode(const Outcome& outcome);
std::string encode(const PlanRecord& record);
std::string encode(const OperatorWord& word);
std::string encode(const ObservedDomain& domain);
std::string encode(const Claim& claim);
std::string encode(const Observation& observation);
std::string encode(const Plan& plan);

// A protobuf message framed as encode() does it: what a fuzzer needs to get past the check sum.
std::string sealed(std::string message);

// decode<T>(bytes) for every T above.
template <typename T>
Result<T> decode(std::string_view bytes);

template <>
Result<AppliedDomain> decode(std::string_view bytes);
template <>
Result<AppliedPool> decode(std::string_view bytes);
template <>
Result<AppliedVdisk> decode(std::string_view bytes);
template <>
Result<NetworkSpec> decode(std::string_view bytes);
template <>
Result<Operation> decode(std::string_view bytes);
template <>
Result<Intent> decode(std::string_view bytes);
template <>
Result<Outcome> decode(std::string_view bytes);
template <>
Result<PlanRecord> decode(std::string_view bytes);
template <>
Result<OperatorWord> decode(std::string_view bytes);
template <>
Result<ObservedDomain> decode(std::string_view bytes);
template <>
Result<Claim> decode(std::string_view bytes);
template <>
Result<Observation> decode(std::string_view bytes);
template <>
Result<Plan> decode(std::string_view bytes);

}  // namespace hv
