// The modules old files import — os, sys, string, re, xm_vars, … — modelled, never run.
//
// Their answers come from hv.toml and from -p; nothing here looks at the machine.
#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "compiler/interp.h"

namespace hv::compiler {
namespace {

V refuse(Call& call, const std::string& what, const std::string& instead) {
  return call.interp.raise(call.span, Code::not_hermetic,
                           "`" + what + "` reaches outside, which evaluation never does", instead);
}

V function(std::string_view name, BuiltinFunction f) {
  BuiltinObject* object = nullptr;
  V v = make(Tag::builtin, object);
  object->name = std::string(name);
  object->function = f;
  return v;
}

std::optional<std::string> text(Call& call, std::size_t i) {
  if (i < call.positional.size() && call.positional[i].is(Tag::string))
    return call.positional[i].text();
  call.interp.raise(call.span, "TypeError", "this takes a string");
  return std::nullopt;
}

const HostConfig* host(Call& call) {
  return call.interp.world.host_facts();
}

// ---- os

V os_uname(Call& call) {
  const HostConfig* facts = host(call);
  std::vector<V> fields;
  if (facts != nullptr && facts->uname.size() == 5) {
    for (const std::string& field : facts->uname) fields.push_back(V::string(field));
  } else {
    fields = {V::string("Linux"), V::string(""), V::string(""), V::string(""), V::string("x86_64")};
  }
  return make_tuple(std::move(fields));
}

std::optional<std::string> environment(Call& call, const std::string& name) {
  auto given = call.interp.variables.find("env." + name);
  if (given != call.interp.variables.end()) return given->second;
  if (const HostConfig* facts = host(call)) {
    auto it = facts->env.find(name);
    if (it != facts->env.end()) return it->second;
  }
  return std::nullopt;
}

V os_getenv(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  if (auto value = environment(call, *name)) return V::string(*value);
  return call.positional.size() > 1 ? call.positional[1] : V();
}

V os_path_exists(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const HostConfig* facts = host(call);
  if (facts != nullptr && facts->driver == DriverKind::sim) {
    if (!facts->files) return V::boolean(true);
    return V::boolean(std::find(facts->files->begin(), facts->files->end(), *path) !=
                      facts->files->end());
  }
  return call.interp.raise(call.span, Code::not_hermetic,
                           "whether `" + *path + "` exists is known only from an inventory",
                           "gather one with `hv inventory " +
                               (facts != nullptr ? facts->name.text : std::string("HOST")) + "`");
}

V os_path_join(Call& call) {
  std::string path;
  for (std::size_t i = 0; i < call.positional.size(); ++i) {
    auto part = text(call, i);
    if (!part) return V::failed();
    if (part->starts_with('/') || path.empty())
      path = *part;
    else
      path += (path.ends_with('/') ? "" : "/") + *part;
  }
  return V::string(path);
}

V os_path_basename(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  return V::string(path->substr(path->rfind('/') + 1));
}

V os_path_dirname(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const std::size_t slash = path->rfind('/');
  if (slash == std::string::npos) return V::string("");
  return V::string(slash == 0 ? "/" : path->substr(0, slash));
}

V os_path_splitext(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const std::size_t dot = path->rfind('.');
  const std::size_t slash = path->rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  if (dot == std::string::npos || dot <= begin)
    return make_tuple({V::string(*path), V::string("")});
  return make_tuple({V::string(path->substr(0, dot)), V::string(path->substr(dot))});
}

const char* const kParam = "a `param` brings in what must come from outside";

V os_open(Call& call) {
  return refuse(call, "os.open", kParam);
}
V os_popen(Call& call) {
  return refuse(call, "os.popen", kParam);
}
V os_system(Call& call) {
  return refuse(call, "os.system", kParam);
}
V os_listdir(Call& call) {
  return refuse(call, "os.listdir", "name the files in the configuration");
}

// ---- xm_vars

// Declares a variable that the command line sets; what `check` makes of it is its value. Without a
// value it stays unbound until check() asks for it.
V vars_var(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  V check;
  std::string use;
  for (std::size_t i = 1; i < call.positional.size(); ++i)
    call.keywords.emplace_back(i == 1 ? "use" : "check", call.positional[i]);
  for (auto& [keyword, value] : call.keywords) {
    if (keyword == "check") check = value;
    if (keyword == "use" && value.is(Tag::string)) use = value.text();
  }
  auto given = call.interp.variables.find(*name);
  if (given == call.interp.variables.end()) {
    call.interp.missing_variables.emplace_back(*name, use);
    return V();
  }
  V value = V::string(given->second);
  if (!check.is(Tag::none)) {
    value = call.interp.call(check, call.span, {V::string(*name), value}, {});
    if (value.is_failed()) return value;
  }
  // The key's text must outlive the scope: the map's node does.
  call.interp.file->scope->variables[given->first] = value;
  return V();
}

V vars_check(Call& call) {
  if (call.interp.missing_variables.empty()) return V();
  const auto& [name, use] = call.interp.missing_variables.front();
  return call.interp.raise(call.span, Code::bad_parameter,
                           "the parameter `" + name + "` has no value",
                           "give it one: -p " + name + "=…" + (use.empty() ? "" : " — " + use));
}

// ---- string

V string_method(Call& call, const char* name) {
  if (call.positional.empty() || !call.positional[0].is(Tag::string))
    return call.interp.raise(call.span, "TypeError", "this takes a string first");
  V method = find_method(call.positional[0], name);
  return call.interp.call(method, call.span, {call.positional.begin() + 1, call.positional.end()},
                          call.keywords);
}
V string_split(Call& call) {
  return string_method(call, "split");
}
V string_strip(Call& call) {
  return string_method(call, "strip");
}
V string_lower(Call& call) {
  return string_method(call, "lower");
}
V string_upper(Call& call) {
  return string_method(call, "upper");
}
V string_replace(Call& call) {
  return string_method(call, "replace");
}
V string_find(Call& call) {
  return string_method(call, "find");
}
V string_zfill(Call& call) {
  return string_method(call, "zfill");
}
V string_join(Call& call) {
  if (call.positional.empty())
    return call.interp.raise(call.span, "TypeError", "write it as `string.join(words, \" \")`");
  const V by = call.positional.size() > 1 ? call.positional[1] : V::string(" ");
  return call.interp.call(find_method(by, "join"), call.span, {call.positional[0]}, {});
}
V string_atoi(Call& call) {
  return call.interp.call(find_builtin("int", true), call.span, call.positional, {});
}

// ---- re

// A pattern (the text itself, or what re.compile made of it) ready to run; nothing after raising.
std::unique_ptr<RE2> compiled(Call& call, const std::string& pattern, const std::string& subject) {
  // Compiling and matching cost what no statement shows.
  Meter::work += 500 + static_cast<int64_t>(pattern.size()) * 50;
  Meter::work += static_cast<int64_t>(subject.size() / 8);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  auto made = std::make_unique<RE2>(pattern, options);
  if (made->ok()) return made;
  call.interp.raise(call.span, "ValueError", "the pattern is not understood: " + made->error(),
                    "look-around and back-references are not part of the language");
  return nullptr;
}

V match_of(const RE2& pattern, const std::string& subject,
           const std::vector<re2::StringPiece>& groups) {
  MatchObject* match = nullptr;
  V v = make(Tag::match, match);
  for (const re2::StringPiece& group : groups) {
    if (group.data() == nullptr) {
      match->groups.emplace_back(-1, -1);
      continue;
    }
    const auto begin = static_cast<int64_t>(group.data() - subject.data());
    match->groups.emplace_back(begin, begin + static_cast<int64_t>(group.size()));
  }
  match->subject = subject;
  for (const auto& [name, index] : pattern.NamedCapturingGroups()) match->names[name] = index;
  return v;
}

struct Subject {
  std::string text;
  std::unique_ptr<RE2> pattern;
};

std::optional<Subject> pattern_and_subject(Call& call, std::size_t at) {
  auto pattern = text(call, 0);
  if (!pattern) return std::nullopt;
  auto subject = text(call, at);
  if (!subject) return std::nullopt;
  auto ready = compiled(call, *pattern, *subject);
  if (ready == nullptr) return std::nullopt;
  return Subject{std::move(*subject), std::move(ready)};
}

V run_pattern(Call& call, RE2::Anchor anchor) {
  auto ready = pattern_and_subject(call, 1);
  if (!ready) return V::failed();
  const int count = ready->pattern->NumberOfCapturingGroups() + 1;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(count));
  const std::string& subject = ready->text;
  if (!ready->pattern->Match(subject, 0, subject.size(), anchor, groups.data(), count)) return V();
  return match_of(*ready->pattern, subject, groups);
}
V re_match(Call& call) {
  return run_pattern(call, RE2::ANCHOR_START);
}
V re_search(Call& call) {
  return run_pattern(call, RE2::UNANCHORED);
}
// A compiled pattern is the module `re` with its first argument given.
V re_compile(Call& call) {
  auto pattern = text(call, 0);
  if (!pattern || compiled(call, *pattern, "") == nullptr) return V::failed();
  ModuleObject* module = nullptr;
  V v = make(Tag::module, module);
  module->name = "re.compile";
  module->pattern = V::string(std::move(*pattern));
  return v;
}
V re_sub(Call& call) {
  auto by = text(call, 1);
  if (!by) return V::failed();
  auto ready = pattern_and_subject(call, 2);
  if (!ready) return V::failed();
  // \g<1> and \1 of Python are \1 of RE2.
  std::string replacement = *by;
  for (std::size_t at; (at = replacement.find("\\g<")) != std::string::npos;) {
    const std::size_t close = replacement.find('>', at);
    if (close == std::string::npos) break;
    replacement = replacement.substr(0, at + 1) + replacement.substr(at + 3, close - at - 3) +
                  replacement.substr(close + 1);
  }
  if (!call.interp.charge(static_cast<int64_t>(ready->text.size() * (replacement.size() + 1)),
                          call.span))
    return V::failed();
  RE2::GlobalReplace(&ready->text, *ready->pattern, replacement);
  return V::string(std::move(ready->text));
}

// Each place where the pattern is found, from left to right; empty ones move on by one character.
void each_found(const Subject& subject, std::vector<re2::StringPiece>& groups,
                Callback<void(void)> found) {
  std::size_t at = 0;
  while (at <= subject.text.size() &&
         subject.pattern->Match(subject.text, at, subject.text.size(), RE2::UNANCHORED,
                                groups.data(), static_cast<int>(groups.size()))) {
    found();
    const auto end =
        static_cast<std::size_t>(groups[0].data() - subject.text.data()) + groups[0].size();
    at = groups[0].empty() ? end + 1 : end;
  }
}

V re_findall(Call& call) {
  auto ready = pattern_and_subject(call, 1);
  if (!ready) return V::failed();
  const auto count = static_cast<std::size_t>(ready->pattern->NumberOfCapturingGroups()) + 1;
  std::vector<re2::StringPiece> groups(count);
  std::vector<V> all;
  each_found(*ready, groups, [&] {
    const auto piece = [&](std::size_t i) { return V::string(std::string(groups[i])); };
    if (count <= 2) {
      all.push_back(piece(count - 1));
      return;
    }
    std::vector<V> parts;
    for (std::size_t i = 1; i < count; ++i) parts.push_back(piece(i));
    all.push_back(make_tuple(std::move(parts)));
  });
  return make_list(std::move(all));
}
V re_split(Call& call) {
  auto ready = pattern_and_subject(call, 1);
  if (!ready) return V::failed();
  std::vector<re2::StringPiece> groups(1);
  std::vector<V> parts;
  std::size_t begin = 0;
  each_found(*ready, groups, [&] {
    if (groups[0].empty()) return;
    const auto end = static_cast<std::size_t>(groups[0].data() - ready->text.data());
    parts.push_back(V::string(ready->text.substr(begin, end - begin)));
    begin = end + groups[0].size();
  });
  parts.push_back(V::string(ready->text.substr(begin)));
  return make_list(std::move(parts));
}

// ---- the 2004 files' own helpers

V own_ip(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->ip.empty()) return V::string(facts->ip);
  return call.interp.raise(call.span, Code::not_hermetic,
                           "the host's own address is not known here",
                           "set `ip` in the host's table of hv.toml");
}
V own_netmask(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->netmask.empty()) return V::string(facts->netmask);
  return call.interp.raise(call.span, Code::not_hermetic, "the host's netmask is not known here",
                           "set `netmask` in the host's table of hv.toml");
}
V own_gateway(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->gateway.empty()) return V::string(facts->gateway);
  return call.interp.raise(call.span, Code::not_hermetic, "the host's gateway is not known here",
                           "set `gateway` in the host's table of hv.toml");
}
std::optional<uint32_t> dotted_quad(const std::string& address) {
  if (!is_ip(address) || address.find(':') != std::string::npos) return std::nullopt;
  uint32_t n = 0, part = 0;
  for (const char c : address + ".") {
    if (c == '.') {
      n = n << 8 | part;
      part = 0;
    } else {
      part = part * 10 + static_cast<uint32_t>(c - '0');
    }
  }
  return n;
}
V add_offset_to_ip(Call& call) {
  auto address = text(call, 0);
  if (!address) return V::failed();
  auto n = dotted_quad(*address);
  if (!n || call.positional.size() < 2 || !call.positional[1].is_integral())
    return call.interp.raise(call.span, "ValueError", "this takes a dotted quad and an int");
  const uint32_t to = *n + static_cast<uint32_t>(call.positional[1].integer());
  return V::string(std::to_string(to >> 24) + "." + std::to_string(to >> 16 & 255) + "." +
                   std::to_string(to >> 8 & 255) + "." + std::to_string(to & 255));
}
// Whether an address lies in the network of another, by a mask.
V check_subnet(Call& call) {
  std::optional<uint32_t> parts[3];
  for (std::size_t i = 0; i < 3; ++i) {
    auto part = text(call, i);
    if (!part) return V::failed();
    parts[i] = dotted_quad(*part);
    if (!parts[i])
      return call.interp.raise(call.span, "ValueError", "this takes three dotted quads");
  }
  return V::boolean((*parts[0] & *parts[2]) == (*parts[1] & *parts[2]));
}
V get_hostbyname(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  if (is_ip(*name)) return V::string(*name);
  return refuse(call, "gethostbyname", "write the address itself");
}

struct Member {
  std::string_view module, name;
  BuiltinFunction function;
};
constexpr Member kMembers[] = {
    {"XenoUtil", "add_offset_to_ip", add_offset_to_ip},
    {"XenoUtil", "check_subnet", check_subnet},
    {"XenoUtil", "get_current_ipaddr", own_ip},
    {"XenoUtil", "get_current_ipgw", own_gateway},
    {"XenoUtil", "get_current_ipmask", own_netmask},
    {"xenctl.ip", "add_offset_to_ip", add_offset_to_ip},
    {"xenctl.ip", "check_subnet", check_subnet},
    {"xenctl.ip", "get_current_ipaddr", own_ip},
    {"xenctl.ip", "get_current_ipgw", own_gateway},
    {"xenctl.ip", "get_current_ipmask", own_netmask},
    {"xenctl.utils", "add_offset_to_ip", add_offset_to_ip},
    {"xenctl.utils", "check_subnet", check_subnet},
    {"xenctl.utils", "get_current_ipaddr", own_ip},
    {"xenctl.utils", "get_current_ipgw", own_gateway},
    {"xenctl.utils", "get_current_ipmask", own_netmask},
    {"os", "getenv", os_getenv},
    {"os", "listdir", os_listdir},
    {"os", "open", os_open},
    {"os", "popen", os_popen},
    {"os", "system", os_system},
    {"os", "uname", os_uname},
    {"os.path", "basename", os_path_basename},
    {"os.path", "dirname", os_path_dirname},
    {"os.path", "exists", os_path_exists},
    {"os.path", "isfile", os_path_exists},
    {"os.path", "join", os_path_join},
    {"os.path", "splitext", os_path_splitext},
    {"re", "compile", re_compile},
    {"re", "findall", re_findall},
    {"re", "match", re_match},
    {"re", "search", re_search},
    {"re", "split", re_split},
    {"re", "sub", re_sub},
    {"socket", "gethostbyname", get_hostbyname},
    {"string", "atoi", string_atoi},
    {"string", "find", string_find},
    {"string", "join", string_join},
    {"string", "lower", string_lower},
    {"string", "replace", string_replace},
    {"string", "split", string_split},
    {"string", "strip", string_strip},
    {"string", "upper", string_upper},
    {"string", "zfill", string_zfill},
    {"xm_vars", "check", vars_check},
    {"xm_vars", "var", vars_var},
};

// pattern.search(text) is re.search(pattern, text).
V call_with_pattern(Call& call, const V& self) {
  const auto& bound = self.as<ModuleObject>();
  call.positional.insert(call.positional.begin(), bound.pattern);
  for (const Member& member : kMembers)
    if (member.module == "re" && member.name == bound.name) return member.function(call);
  return V::failed();
}

constexpr std::string_view kModules[] = {
    "XenoUtil", "config_file", "os",     "os.path",   "re",           "socket",
    "string",   "sys",         "xenctl", "xenctl.ip", "xenctl.utils", "xm_vars",
};

}  // namespace

bool is_known_module(std::string_view name) {
  return std::find(std::begin(kModules), std::end(kModules), name) != std::end(kModules);
}

V make_module(std::string_view name) {
  ModuleObject* module = nullptr;
  V v = make(Tag::module, module);
  module->name = std::string(name);
  return v;
}

V module_attribute(Interp& interp, const ModuleObject& module, std::string_view name, Span span) {
  if (module.name == "re.compile") {
    if (name == "pattern") return module.pattern;
    MethodObject* method = nullptr;
    V v = make(Tag::method, method);
    for (const Member& member : kMembers) {
      if (member.module != "re" || member.name != name || name == "compile") continue;
      method->name = member.name;
      method->function = call_with_pattern;
      ModuleObject* bound = nullptr;
      method->self = make(Tag::module, bound);
      bound->name = std::string(name);
      bound->pattern = module.pattern;
      return v;
    }
    return V::failed();
  }
  for (const Member& member : kMembers)
    if (member.module == module.name && member.name == name)
      return function(member.name, member.function);
  if (is_known_module(module.name + "." + std::string(name)))
    return make_module(module.name + "." + std::string(name));
  if (module.name == "os" && name == "environ") {
    DictObject* dict = nullptr;
    V v = make(Tag::dict, dict);
    if (const HostConfig* facts = interp.world.host_facts())
      for (const auto& [key, value] : facts->env)
        dict->put("s" + key, V::string(key), V::string(value));
    for (const auto& [key, value] : interp.variables)
      if (key.starts_with("env."))
        dict->put("s" + key.substr(4), V::string(key.substr(4)), V::string(value));
    return v;
  }
  if (module.name == "os" && name == "sep") return V::string("/");
  if (module.name == "sys") {
    if (name == "platform") return V::string("linux2");
    if (name == "argv") return make_list({V::string("xm")});
    if (name == "version") return V::string("2.7.18");
    if (name == "version_info") return make_tuple({V::integer(2), V::integer(7), V::integer(18)});
    if (name == "maxint") return V::integer(INT64_MAX);
  }
  if (module.name == "string") {
    if (name == "digits") return V::string("0123456789");
    if (name == "ascii_lowercase" || name == "lowercase")
      return V::string("abcdefghijklmnopqrstuvwxyz");
    if (name == "ascii_uppercase" || name == "uppercase")
      return V::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (name == "letters" || name == "ascii_letters")
      return V::string("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (name == "hexdigits") return V::string("0123456789abcdefABCDEF");
  }
  if (module.name == "os" || module.name == "socket" || module.name == "sys" ||
      module.name == "re") {
    interp.raise(span, Code::not_hermetic,
                 "`" + module.name + "." + std::string(name) + "` is not part of the language",
                 "evaluation reaches no file, clock, network or process; a `param` brings in what "
                 "must come from outside");
  }
  return V::failed();
}

}  // namespace hv::compiler
