#include "lsp/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lsp/lsp_test_support.h"

namespace hv::lsp {
namespace {

using nlohmann::json;

json request(int id, const std::string& method, json params) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}
json notice(const std::string& method, json params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}
json document(const std::string& path) {
  return {{"textDocument", {{"uri", "file://" + path}}}};
}
json opened(const std::string& path, const std::string& text, int version = 1) {
  return notice(
      "textDocument/didOpen",
      {{"textDocument",
        {{"uri", "file://" + path}, {"languageId", "hv"}, {"version", version}, {"text", text}}}});
}
json at(const std::string& path, unsigned line, unsigned character) {
  json params = document(path);
  params["position"] = {{"line", line}, {"character", character}};
  return params;
}
json range(unsigned line, unsigned from, unsigned to) {
  return {{"start", {{"line", line}, {"character", from}}},
          {"end", {{"line", line}, {"character", to}}}};
}
const json kInitialize = request(1, "initialize", {{"capabilities", json::object()}});
const json kShutdown = request(99, "shutdown", nullptr);
const json kExit = {{"jsonrpc", "2.0"}, {"method", "exit"}};

struct Said {
  int code;
  std::vector<json> messages;

  json answer(const json& id) const {
    json found;
    for (const json& each : messages)
      if (each.contains("id") && each["id"] == id && !each.contains("method")) {
        EXPECT_TRUE(found.is_null()) << "two answers to " << id;
        found = each;
      }
    return found;
  }
  json result(const json& id) const { return answer(id).value("result", json()); }
  int failure(const json& id) const {
    const json found = answer(id);
    return found.contains("error") ? found["error"]["code"].get<int>() : 0;
  }
  // The last diagnostics of a file.
  json published(const std::string& path) const {
    json found;
    for (const json& each : messages)
      if (each.value("method", "") == "textDocument/publishDiagnostics" &&
          each["params"]["uri"] == "file://" + path)
        found = each["params"];
    return found;
  }
};

Said say_raw(const std::string& input, std::map<std::string, std::string> files = {}) {
  const compiler::MemoryFiles memory = project_files(std::move(files));
  const Conversation said = converse(input, memory);
  EXPECT_EQ(said.trouble, "");
  Said out{said.code, {}};
  for (const std::string& body : said.bodies) {
    out.messages.push_back(json::parse(body, nullptr, false));
    EXPECT_FALSE(out.messages.back().is_discarded()) << body;
    EXPECT_EQ(out.messages.back().value("jsonrpc", ""), "2.0");
  }
  return out;
}
Said say(const std::vector<json>& messages, std::map<std::string, std::string> files = {}) {
  std::string input;
  for (const json& each : messages) input += framed(each.dump());
  return say_raw(input, std::move(files));
}

TEST(Server, BeginsAndEndsAsTheProtocolSays) {
  const json hover = request(2, "textDocument/hover", at("/p/main.vm", 0, 0));
  struct Case {
    const char* what;
    std::vector<json> messages;
    int code;
    std::map<int, int> failures;  // id: error code; 0: answered
  };
  const Case cases[] = {
      {"a whole life", {kInitialize, kShutdown, kExit}, 0, {{1, 0}, {99, 0}}},
      {"exit without shutdown", {kInitialize, kExit}, 1, {{1, 0}}},
      {"exit alone", {kExit}, 1, {}},
      {"the input ends", {kInitialize}, 1, {{1, 0}}},
      {"nothing at all", {}, 1, {}},
      {"a request before initialize", {hover, kInitialize}, 1, {{2, -32002}, {1, 0}}},
      {"shutdown before initialize", {kShutdown, kExit}, 1, {{99, -32002}}},
      {"a document before initialize", {opened("/p/main.vm", "x"), kInitialize}, 1, {{1, 0}}},
      {"initialize twice",
       {kInitialize, request(5, "initialize", json::object())},
       1,
       {{1, 0}, {5, -32600}}},
      {"a request after shutdown",
       {kInitialize, kShutdown, hover, kExit},
       0,
       {{99, 0}, {2, -32600}}},
      {"after exit nothing is read", {kInitialize, kShutdown, kExit, hover}, 0, {}},
      {"an unknown request", {kInitialize, request(7, "workspace/nope", {})}, 1, {{7, -32601}}},
      {"an unknown notice", {kInitialize, notice("$/nope", {}), kShutdown, kExit}, 0, {{99, 0}}},
      {"params that fit nothing",
       {kInitialize, request(2, "textDocument/hover", json::array({1})),
        request(3, "textDocument/hover", document("/p/main.vm")),
        request(4, "textDocument/hover", {{"textDocument", 5}, {"position", 6}}),
        request(5, "textDocument/completion", nullptr), request(6, "initialize", 7),
        notice("textDocument/didOpen", {{"textDocument", {}}}),
        notice("textDocument/didChange", {{"textDocument", {{"uri", 1}}}}),
        notice("textDocument/didChange", "x"), kShutdown},
       1,
       {{2, -32602}, {3, -32602}, {4, -32602}, {5, -32602}, {6, -32600}, {99, 0}}},
  };
  for (const Case& each : cases) {
    const Said said = say(each.messages);
    EXPECT_EQ(said.code, each.code) << each.what;
    for (const auto& [id, code] : each.failures) {
      EXPECT_FALSE(said.answer(id).is_null()) << each.what << ", id " << id;
      EXPECT_EQ(said.failure(id), code) << each.what << ", id " << id;
    }
  }
}

TEST(Server, AnswersWhatIsNoMessageAndGoesOn) {
  const std::string deep(100'000, '[');
  struct Case {
    std::string body;
    int code;  // of the error; 0: no answer
  };
  const Case cases[] = {
      {"", -32700},
      {"{", -32700},
      {"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\"}", -32700},
      {deep, -32700},
      {"{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":" + deep + std::string(100'000, ']') + "}",
       -32700},
      {"[]", -32600},
      {"5", -32600},
      {"null", -32600},
      {"\"initialize\"", -32600},
      {"{}", -32600},
      {"{\"id\":{},\"method\":\"x\"}", -32600},
      {"{\"id\":true,\"method\":\"x\"}", -32600},
      {"{\"id\":null,\"method\":5}", -32600},
      {"{\"id\":3,\"result\":null}", 0},  // an answer to nothing
      {"{\"id\":3,\"error\":5}", 0},
      {"{\"method\":\"$/cancelRequest\",\"params\":[]}", 0},
      {"{\"method\":\"$/cancelRequest\"}", 0},
  };
  for (const Case& each : cases) {
    const Said said = say_raw(framed(each.body) + framed(kInitialize.dump()) +
                              framed(kShutdown.dump()) + framed(kExit.dump()));
    EXPECT_EQ(said.code, 0) << each.body.substr(0, 80);
    EXPECT_EQ(said.failure(nullptr), each.code) << each.body.substr(0, 80);
    EXPECT_TRUE(said.result(1).is_object()) << each.body.substr(0, 80);
  }
  EXPECT_EQ(say_raw("junk\r\n\r\n" + framed(kInitialize.dump())).failure(nullptr), -32700);
}

TEST(Server, CancelsWhatStillWaits) {
  const Said said = say({kInitialize, opened("/p/main.vm", "a = 1\n"),
                         request(2, "textDocument/hover", at("/p/main.vm", 0, 0)),
                         notice("$/cancelRequest", {{"id", 2}}),
                         notice("$/cancelRequest", {{"id", "none"}}), kShutdown});
  EXPECT_EQ(said.failure(2), -32800);
  EXPECT_EQ(said.failure(99), 0);
}

TEST(Server, CountsAsTheClientDoes) {
  struct Case {
    json offered;
    const char* chosen;
    unsigned column;  // of `bad`, behind a character of four bytes
  };
  const Case cases[] = {
      {nullptr, "utf-16", 11},
      {json::array(), "utf-16", 11},
      {json::array({"utf-16"}), "utf-16", 11},
      {json::array({"utf-8", "utf-16"}), "utf-8", 13},
      {json::array({"utf-32", "utf-16"}), "utf-32", 10},
      {json::array({"utf-7", 5, "utf-8"}), "utf-8", 13},
      {"utf-8", "utf-16", 11},
  };
  for (const Case& each : cases) {
    const json general = {{"positionEncodings", each.offered}};
    // What the client says and what it is told count alike.
    json change = document("/p/main.vm");
    change["textDocument"]["version"] = 2;
    change["contentChanges"] =
        json::array({{{"range", range(0, each.column, each.column + 3)}, {"text", "worse"}}});
    const Said said = say({request(1, "initialize", {{"capabilities", {{"general", general}}}}),
                           opened("/p/main.vm", "a = \"\xf0\x9d\x84\x9e\" + bad\n"),
                           notice("textDocument/didChange", change)});
    EXPECT_EQ(said.result(1)["capabilities"]["positionEncoding"], each.chosen);
    const json shown = said.published("/p/main.vm");
    ASSERT_EQ(shown["diagnostics"].size(), 1u) << shown;
    EXPECT_EQ(shown["version"], 2);
    EXPECT_EQ(shown["diagnostics"][0]["range"], range(0, each.column, each.column + 5))
        << each.chosen << shown;
    EXPECT_NE(shown["diagnostics"][0]["message"].get<std::string>().find("`worse`"),
              std::string::npos);
  }
}

TEST(Server, PublishesWhileOneTypes) {
  json first = document("/p/main.vm");
  first["textDocument"]["version"] = 2;
  first["contentChanges"] = json::array({{{"range", range(1, 4, 9)}, {"text", "memory"}}});
  const std::string wrong = "domain a:\n    memry = 64MiB\n";
  // On disk there is nothing wrong.
  const std::map<std::string, std::string> disk = {{"main.vm", "domain a:\n    memory = 64MiB\n"}};
  const Said said = say({kInitialize, opened("/p/main.vm", wrong)}, disk);
  const json shown = said.published("/p/main.vm");
  ASSERT_EQ(shown["diagnostics"].size(), 1u) << shown;
  const json& diagnostic = shown["diagnostics"][0];
  EXPECT_EQ(diagnostic["code"], "HV0203");
  EXPECT_EQ(diagnostic["severity"], 1);
  EXPECT_EQ(diagnostic["source"], "hv");
  EXPECT_EQ(diagnostic["range"], range(1, 4, 9));
  const Said mended = say(
      {kInitialize, opened("/p/main.vm", wrong), notice("textDocument/didChange", first)}, disk);
  EXPECT_EQ(mended.published("/p/main.vm")["diagnostics"], json::array());
  EXPECT_EQ(mended.published("/p/main.vm")["version"], 2);
}

TEST(Server, OffersTheFixesAsActions) {
  json params = document("/p/main.vm");
  params["range"] = range(1, 5, 5);
  params["context"] = {{"diagnostics", json::array()}};
  json elsewhere = params;
  elsewhere["range"] = range(0, 0, 1);
  json others = params;
  others["context"]["only"] = json::array({"refactor"});
  const Said said = say({kInitialize, opened("/p/main.vm", "domain a:\n    memry = 64MiB\n"),
                         request(2, "textDocument/codeAction", params),
                         request(3, "textDocument/codeAction", elsewhere),
                         request(4, "textDocument/codeAction", others)});
  ASSERT_EQ(said.result(2).size(), 1u) << said.answer(2);
  const json action = said.result(2)[0];
  EXPECT_EQ(action["kind"], "quickfix");
  const json edit = {{"range", range(1, 4, 9)}, {"newText", "memory"}};
  EXPECT_EQ(action["edit"]["changes"]["file:///p/main.vm"], json::array({edit}));
  EXPECT_EQ(action["diagnostics"][0]["code"], "HV0203");
  EXPECT_EQ(said.result(3), json::array());
  EXPECT_EQ(said.result(4), json::array());
}

TEST(Server, AnswersEveryRequestOverTheWire) {
  const std::string text =
      "pool p:\n    devices = [\"phy:/dev/sda\"]\nvdisk d in p:\n    size=1GiB\n"
      "domain a:\n    memory = 64MiB\n    disk = [vbd(vdisk.d, \"xvda\", \"w\")]\n";
  json with_context = at("/p/main.vm", 2, 11);
  with_context["context"] = {{"includeDeclaration", false}};
  json format = document("/p/main.vm");
  format["options"] = {{"tabSize", 4}, {"insertSpaces", true}};
  const Said said = say({kInitialize, opened("/p/main.vm", text),
                         request(2, "textDocument/hover", at("/p/main.vm", 5, 6)),
                         request(3, "textDocument/definition", at("/p/main.vm", 2, 11)),
                         request(4, "textDocument/references", with_context),
                         request(5, "textDocument/documentHighlight", at("/p/main.vm", 0, 5)),
                         request(6, "textDocument/documentSymbol", document("/p/main.vm")),
                         request(7, "textDocument/completion", at("/p/main.vm", 5, 6)),
                         request(8, "textDocument/formatting", format),
                         request(9, "textDocument/hover", at("/nowhere/at/all.vm", 5, 6)),
                         request(10, "textDocument/definition", at("/nowhere/at/all.vm", 5, 6)),
                         request(11, "textDocument/formatting", document("/nowhere/at/all.vm")),
                         opened("/p/hv.toml", "[project]\nname = 'p'  \n"),
                         request(13, "textDocument/formatting", document("/p/hv.toml")),
                         request(14, "textDocument/completion", at("/p/hv.toml", 1, 0)),
                         request(12, "textDocument/hover", at("/p/main.vm", 4'000'000'000, 1))});
  EXPECT_NE(said.result(2)["contents"]["value"].get<std::string>().find("domain.memory"),
            std::string::npos);
  EXPECT_EQ(said.result(3)[0]["range"], range(0, 5, 6));
  EXPECT_EQ(said.result(4).size(), 1u);
  EXPECT_EQ(said.result(5).size(), 2u);
  EXPECT_EQ(said.result(6).size(), 3u);
  EXPECT_EQ(said.result(6)[2]["children"].size(), 2u);
  EXPECT_GT(said.result(7)["items"].size(), 20u);
  EXPECT_EQ(said.result(8).size(), 1u);
  for (const int id : {9, 12}) EXPECT_EQ(said.answer(id)["result"], json()) << id;
  EXPECT_EQ(said.result(10), json::array());
  EXPECT_EQ(said.answer(11)["result"], json());
  EXPECT_EQ(said.answer(13)["result"], json());
  EXPECT_EQ(said.result(14)["items"], json::array());
}

TEST(Server, AsksToBeToldOfFilesWhereTheClientCan) {
  const json can = {{"workspace", {{"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}}};
  const auto asked = [](const Said& said) {
    return std::count_if(said.messages.begin(), said.messages.end(), [](const json& each) {
      return each.value("method", "") == "client/registerCapability";
    });
  };
  const json ready = notice("initialized", json::object());
  EXPECT_EQ(asked(say({request(1, "initialize", {{"capabilities", can}}), ready})), 1);
  EXPECT_EQ(asked(say({kInitialize, ready})), 0);
}

TEST(Server, HandlesAFloodOfMessages) {
  std::vector<json> messages = {kInitialize, opened("/p/main.vm", "")};
  json change = document("/p/main.vm");
  for (int i = 0; i < 2'000; ++i) {
    change["textDocument"]["version"] = i + 2;
    change["contentChanges"] = json::array({{{"range", range(0, 0, 0)}, {"text", "#"}}});
    messages.push_back(notice("textDocument/didChange", change));
  }
  messages.push_back(request(2, "textDocument/formatting", document("/p/main.vm")));
  messages.push_back(kShutdown);
  messages.push_back(kExit);
  const Said said = say(messages);
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.result(2)[0]["newText"], std::string(2'000, '#') + "\n");
}

}  // namespace
}  // namespace hv::lsp
