#include "neurons/data/readers/text.hpp"

#include <algorithm>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/data/readers/byte_stream.hpp"
#include "neurons/data/utf8.hpp"

namespace neurons {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{1} << 30;
constexpr std::size_t kTextPiece = std::size_t{1} << 16;

std::string unpacked_text(const std::string& packed, const std::string& name) {
  ByteStream stream(std::as_bytes(std::span(packed)), Compression::gzip, name);
  std::string text;
  for (std::size_t read = kTextPiece; read == kTextPiece;) {
    const std::size_t before = text.size();
    text.resize(before + kTextPiece);
    read = stream.read(std::as_writable_bytes(std::span(text).subspan(before)));
    text.resize(before + read);
    if (text.size() > kMostTextBytes) fail_input("{}: unpacks to more than 1 GiB of text; cut it into smaller files", name);
  }
  if (stream.is_cut()) fail_input("{}: ends before its text does; the file is cut, fetch it again", name);
  return text;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::string text = read_file(path);
  if (is_gzip(std::as_bytes(std::span(text)))) text = unpacked_text(text, name);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  require_utf8(text, name);
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
    } else if (!std::string_view(text).substr(i + 1).starts_with('\n')) {
      plain += '\n';
    }
  }
  if (plain.empty()) fail_input("{}: holds no text", name);
  return plain;
}

}  // namespace neurons
