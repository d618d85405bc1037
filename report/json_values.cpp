#include "report/json_values.h"

#include "hv/model/secret_text.h"

namespace hv {

Json to_json(const Value& value) {
  struct Visitor {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool v) const { return v; }
    Json operator()(int64_t v) const { return v; }
    Json operator()(double v) const { return v; }
    Json operator()(const std::string& v) const { return without_passwords(v); }
    Json operator()(const Secret&) const { return "(secret)"; }
    Json operator()(Bytes v) const { return v.count; }
    Json operator()(Duration v) const {
      if (v.count % 1000 == 0) return v.count / 1000;
      return static_cast<double>(v.count) / 1000;
    }
    Json operator()(const Address& v) const { return to_string(v); }
    Json operator()(const List& v) const {
      Json list = Json::array();
      for (const Value& each : v) list.push_back(to_json(each));
      return list;
    }
    Json operator()(const Record& v) const {
      Json object = Json::object();
      for (const auto& [name, each] : v) object[name] = to_json(each);
      return object;
    }
  };
  return std::visit(Visitor{}, value.data);
}

namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

Json to_json(const Vbd& vbd) {
  return Json{{"device", vbd.device},
              {"source", text_or_null(without_passwords(vbd.source))},
              {"backend", text_or_null(vbd.backend)},
              {"format", text_or_null(vbd.format)},
              {"mode", to_string(vbd.mode)},
              {"cdrom", vbd.cdrom},
              {"removable", vbd.removable},
              {"script", text_or_null(vbd.script)}};
}

Json to_json(const Place& place) {
  if (!place.valid()) return nullptr;
  return Json{{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

std::string dump(const Json& json) {
  // Bytes that are no UTF-8 (old files have them) are replaced, never a failure.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hv
