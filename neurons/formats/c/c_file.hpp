#pragma once
/// A C file while it is being written: its functions, and the numbers and layers that they share.

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons::c {

/// A static function, or a type, with what it is made of.
struct Snippet {
  std::string code;                              ///< with a comment before it
  std::vector<const Snippet*> needs = {};        ///< stand before it
  std::vector<std::string_view> functions = {};  ///< names that it defines
};

/// A number as C writes a float: the shortest text that is the same float again.
std::string literal(float value);
/// Text that can stand in a comment of ASCII, and in a string.
std::string comment_text(std::string_view text);
std::string string_literal(std::string_view text);
/// "1 unit", "3 units".
std::string counted(std::int64_t count, std::string_view noun);
/// Letters, digits and underscores, not beginning with a digit; "" becomes `otherwise`.
std::string identifier_of(std::string_view text, std::string_view otherwise = "network");

class CFile {
 public:
  /// An identifier like `text` that nothing else in the file has.
  std::string unused(std::string_view text);
  /// The same for a variable of a function that has those of `own`, to which it is added.
  std::string local(std::string_view text, std::set<std::string>& own);
  /// Puts a snippet, after those that it needs, into the file, once.
  void use(const Snippet& snippet);
  /// The name of an array of these numbers: of a new one, called like `name`, unless there is an equal one. Throws InputError for
  /// numbers that are not finite.
  std::string array(std::string_view name, std::span<const float> values, std::string_view comment);
  /// The name of a constant struct `type` with these lines of initialisers: of a new one unless there is an equal one.
  std::string layer(std::string_view type, std::string_view name, const std::vector<std::string>& lines, std::string_view comment);

  std::string snippets() const;
  bool uses_math(std::string_view calls) const;
  /// Declarations of the arrays, and their numbers.
  std::string array_declarations() const;
  std::string arrays() const;
  const std::string& layers() const { return layers_; }
  std::int64_t numbers() const { return numbers_; }

 private:
  struct Array {
    std::string name;
    std::string comment;
    std::vector<float> values;
  };
  std::set<std::string> taken_;
  std::set<std::string> locals_;  ///< of any function
  std::vector<const Snippet*> snippets_;
  std::vector<Array> arrays_;
  std::map<std::string, std::string> layer_names_;  ///< by type and lines
  std::string layers_;
  std::int64_t numbers_ = 0;
};

}  // namespace neurons::c
