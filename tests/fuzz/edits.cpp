// Edits: how one input becomes another.
#include <algorithm>
#include <optional>

#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

// Words, runs of blanks, strings on one line, and single characters.
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (is_word(text[i])) {
      while (end < text.size() && is_word(text[end])) ++end;
    } else if (text[i] == ' ') {
      while (end < text.size() && text[end] == ' ') ++end;
    } else if (text[i] == '"' || text[i] == '\'') {
      while (end < text.size() && text[end] != text[i] && text[end] != '\n') ++end;
      end = std::min(end + 1, text.size());
    }
    pieces.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return pieces;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('\n', i), text.size() - 1) + 1;
    lines.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return lines;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += part;
  return out;
}

const std::string& one_of(const std::vector<std::string>& list, Random& random) {
  return list[random.below(list.size())];
}

// A random part [first, last) of `size` things, mostly short.
std::pair<std::size_t, std::size_t> part(std::size_t size, Random& random) {
  const std::size_t first = random.below(size);
  const std::size_t length = 1 + random.below(random.below(4) == 0 ? size : 5);
  return {first, std::min(size, first + length)};
}

using Position = std::vector<std::string>::difference_type;
Position to(std::size_t at) {
  return static_cast<Position>(at);
}

// One edit of a sequence: words or lines.
void edit_sequence(std::vector<std::string>& parts, const std::vector<std::string>& others,
                   const std::vector<std::string>& words, Random& random) {
  if (parts.empty()) {
    if (!words.empty()) parts.push_back(one_of(words, random));
    return;
  }
  const auto [first, last] = part(parts.size(), random);
  const std::size_t at = random.below(parts.size() + 1);
  const std::vector<std::string> chosen(parts.begin() + to(first), parts.begin() + to(last));
  switch (random.below(8)) {
    case 0:  // out
      parts.erase(parts.begin() + to(first), parts.begin() + to(last));
      break;
    case 1:  // a copy elsewhere
      parts.insert(parts.begin() + to(at), chosen.begin(), chosen.end());
      break;
    case 2:  // two change places
      std::swap(parts[first], parts[random.below(parts.size())]);
      break;
    case 3:  // another word
    case 4:
      if (!words.empty()) parts[first] = one_of(words, random);
      break;
    case 5:  // one more word
      if (!words.empty()) parts.insert(parts.begin() + to(at), one_of(words, random));
      break;
    case 6: {  // a part of another seed
      if (others.empty()) break;
      const auto [from, end] = part(others.size(), random);
      parts.insert(parts.begin() + to(at), others.begin() + to(from), others.begin() + to(end));
      break;
    }
    case 7: {  // again and again
      const std::size_t times = 1 + random.below(random.below(8) == 0 ? 300 : 6);
      std::vector<std::string> run;
      for (std::size_t i = 0; i < times; ++i) run.insert(run.end(), chosen.begin(), chosen.end());
      parts.insert(parts.begin() + to(last), run.begin(), run.end());
      break;
    }
  }
}

void edit_bytes(std::string& text, Random& random) {
  if (text.empty()) return;
  const std::size_t at = random.below(text.size());
  switch (random.below(5)) {
    case 0:
      text[at] = static_cast<char>(random.below(256));
      break;
    case 1:
      text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 2:
      text.erase(at, 1 + random.below(4));
      break;
    case 3:
      text.insert(at, 1 + random.below(3), static_cast<char>(random.below(256)));
      break;
    case 4:
      text.resize(at);
      break;
  }
}

void edit_indentation(std::vector<std::string>& lines, Random& random) {
  if (lines.empty()) return;
  const auto [first, last] = part(lines.size(), random);
  const std::size_t change = random.below(4);
  for (std::size_t i = first; i < last; ++i) {
    if (change == 0) lines[i].insert(0, 4, ' ');
    if (change == 1) lines[i].insert(0, 1, '\t');
    if (change >= 2) lines[i].erase(0, std::min<std::size_t>(lines[i].find_first_not_of(' '), 4));
  }
}

// Brackets of one kind around a part, perhaps many.
void nest(std::vector<std::string>& pieces, Random& random) {
  if (pieces.empty()) return;
  static constexpr std::pair<const char*, const char*> kPairs[] = {
      {"(", ")"}, {"[", "]"}, {"{", "}"}, {"f(", ")"}, {"not ", ""}, {"-", ""}, {"x[", "]"}};
  const auto [open, close] = kPairs[random.below(std::size(kPairs))];
  const std::size_t times = 1 + random.below(random.below(8) == 0 ? 200 : 4);
  const auto [first, last] = part(pieces.size(), random);
  std::string before, behind;
  for (std::size_t i = 0; i < times; ++i) {
    before += open;
    behind += close;
  }
  pieces.insert(pieces.begin() + to(last), behind);
  pieces.insert(pieces.begin() + to(first), before);
}

}  // namespace

std::string edit_text(const Target& target, std::string_view seed, Random& random) {
  std::string text(seed);
  // Large seeds are worked on in parts, or nothing small would ever be found in them.
  if (text.size() > 4'000 && random.below(4) != 0) {
    const std::size_t from = random.below(text.size());
    const std::size_t line = std::min(text.find('\n', from), text.size() - 1) + 1;
    text = text.substr(line, 200 + random.below(3'000));
  }
  const std::size_t edits = 1 + random.below(random.below(3) == 0 ? 12 : 3);
  for (std::size_t i = 0; i < edits; ++i) {
    const std::string& other = one_of(target.seeds, random);
    switch (random.below(9)) {
      case 0:
        edit_bytes(text, random);
        break;
      case 1:
      case 2: {
        std::vector<std::string> lines = lines_of(text);
        edit_sequence(lines, lines_of(other), {}, random);
        text = join(lines);
        break;
      }
      case 3: {
        std::vector<std::string> lines = lines_of(text);
        edit_indentation(lines, random);
        text = join(lines);
        break;
      }
      case 4: {
        std::vector<std::string> pieces = pieces_of(text);
        nest(pieces, random);
        text = join(pieces);
        break;
      }
      default: {
        std::vector<std::string> pieces = pieces_of(text);
        edit_sequence(pieces, pieces_of(other.substr(0, 4'000)), target.words, random);
        text = join(pieces);
        break;
      }
    }
    if (text.size() > 200'000) text.resize(200'000);
  }
  return text;
}

// ---- protobuf messages --------------------------------------------------------------------------

namespace {

struct Field {
  uint64_t number = 1;
  unsigned wire = 0;     // 0 varint, 1 eight bytes, 2 with a length, 5 four bytes
  uint64_t integer = 0;  // of 0, 1 and 5
  std::string bytes;     // of 2
};

bool read_varint(std::string_view& from, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

void write_varint(std::string& to_, uint64_t value) {
  while (value >= 0x80) {
    to_ += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  to_ += static_cast<char>(value);
}

std::optional<std::vector<Field>> fields_of(std::string_view message) {
  std::vector<Field> fields;
  while (!message.empty()) {
    Field field;
    uint64_t tag = 0;
    if (!read_varint(message, tag) || tag >> 3 == 0) return std::nullopt;
    field.number = tag >> 3;
    field.wire = static_cast<unsigned>(tag & 7);
    std::size_t length = 0;
    switch (field.wire) {
      case 0:
        if (!read_varint(message, field.integer)) return std::nullopt;
        break;
      case 1:
      case 5:
        length = field.wire == 1 ? 8 : 4;
        if (message.size() < length) return std::nullopt;
        for (std::size_t i = 0; i < length; ++i)
          field.integer |= uint64_t{static_cast<unsigned char>(message[i])} << (8 * i);
        message.remove_prefix(length);
        break;
      case 2: {
        uint64_t size = 0;
        if (!read_varint(message, size) || size > message.size()) return std::nullopt;
        field.bytes = message.substr(0, size);
        message.remove_prefix(size);
        break;
      }
      default:
        return std::nullopt;
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string message_of(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) {
    write_varint(out, field.number << 3 | field.wire);
    if (field.wire == 0) write_varint(out, field.integer);
    if (field.wire == 1 || field.wire == 5)
      for (std::size_t i = 0; i < (field.wire == 1 ? 8u : 4u); ++i)
        out += static_cast<char>(field.integer >> (8 * i));
    if (field.wire == 2) {
      write_varint(out, field.bytes.size());
      out += field.bytes;
    }
  }
  return out;
}

uint64_t some_integer(Random& random) {
  static constexpr uint64_t kEdges[] = {0,
                                        1,
                                        2,
                                        3,
                                        127,
                                        128,
                                        255,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x7fffffffffffffff,
                                        0x8000000000000000,
                                        0xffffffffffffffff};
  return random.below(3) == 0 ? random.next() : kEdges[random.below(std::size(kEdges))];
}

std::string some_message(Random& random, unsigned depth);

Field some_field(Random& random, unsigned depth) {
  Field field;
  field.number = 1 + random.below(14);
  static constexpr unsigned kWires[] = {0, 0, 0, 1, 2, 2, 2, 2, 5};
  field.wire = kWires[random.below(std::size(kWires))];
  field.integer = some_integer(random);
  if (field.wire == 2) {
    switch (random.below(depth > 5 ? 2 : 4)) {
      case 0:
        for (std::size_t i = random.below(20); i > 0; --i)
          field.bytes += static_cast<char>('a' + random.below(26));
        break;
      case 1:
        for (std::size_t i = random.below(20); i > 0; --i)
          field.bytes += static_cast<char>(random.below(256));
        break;
      default:
        field.bytes = some_message(random, depth + 1);
        break;
    }
  }
  return field;
}

std::string some_message(Random& random, unsigned depth) {
  std::vector<Field> fields;
  for (std::size_t i = random.below(6); i > 0; --i) fields.push_back(some_field(random, depth));
  return message_of(fields);
}

void edit_fields(std::vector<Field>& fields, Random& random, unsigned depth) {
  if (fields.empty() || random.below(4) == 0) {
    fields.insert(fields.begin() + static_cast<std::ptrdiff_t>(random.below(fields.size() + 1)),
                  some_field(random, depth));
    return;
  }
  const std::size_t at = random.below(fields.size());
  Field& field = fields[at];
  // Into a message inside, most of the time.
  if (field.wire == 2 && random.below(3) != 0) {
    if (auto inner = fields_of(field.bytes)) {
      edit_fields(*inner, random, depth + 1);
      field.bytes = message_of(*inner);
      return;
    }
    edit_bytes(field.bytes, random);
    return;
  }
  switch (random.below(6)) {
    case 0:
      fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      fields.push_back(field);
      break;
    case 2:
      field = some_field(random, depth);
      break;
    case 3:
      field.integer = some_integer(random);
      break;
    case 4:
      field.number = 1 + random.below(20);
      break;
    case 5:
      std::swap(field, fields[random.below(fields.size())]);
      break;
  }
}

}  // namespace

std::string edit_message(const Target&, std::string_view seed, Random& random) {
  auto fields = fields_of(seed);
  if (!fields || random.below(20) == 0) {
    std::string bytes(seed);
    edit_bytes(bytes, random);
    return bytes;
  }
  const std::size_t edits = 1 + random.below(12);
  for (std::size_t i = 0; i < edits; ++i) edit_fields(*fields, random, 0);
  return message_of(*fields);
}

}  // namespace hv::fuzz
