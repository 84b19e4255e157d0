#include "neurons/data/sequences/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "neurons/base/random.hpp"
#include "neurons/data/data_testing.hpp"
#include "neurons/data/readers/text.hpp"
#include "neurons/data/sequences/token_windows.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

TEST(Tokenizer, OfCharactersKnowsThoseOfItsText) {
  const Tokenizer tokenizer = Tokenizer::train("baé\n", TokenKind::character);
  EXPECT_EQ(tokenizer.vocabulary(), 5);
  EXPECT_THAT(tokenizer.names(), ElementsAre("\\n", "a", "b", "é", "\xEF\xBF\xBD"));
  EXPECT_THAT(tokenizer.encode("éab☃"), ElementsAre(3, 1, 2, 4));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("é\nab")), "é\nab");
  EXPECT_EQ(tokenizer.unknown(), 4);
  EXPECT_EQ(message_of([&] { tokenizer.decode(std::vector<std::int64_t>{5}); }), "tokenizer: 5 is no token, expected 0 to 4");
  EXPECT_EQ(message_of([] { Tokenizer::train("", TokenKind::character); }), "tokenizer: there is no text to learn from");
}

TEST(Tokenizer, OfBytesKnowsEverything) {
  const Tokenizer tokenizer = Tokenizer::train("x", TokenKind::byte);
  EXPECT_EQ(tokenizer.vocabulary(), 256);
  EXPECT_THAT(tokenizer.encode("é"), ElementsAre(0xC3, 0xA9));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("☃ snow")), "☃ snow");
  EXPECT_EQ(tokenizer.names()[0xC3], "<0xc3>");
  EXPECT_EQ(tokenizer.names()[9], "<0x09>");
  EXPECT_EQ(tokenizer.unknown(), std::nullopt);
}

/// As learn_merges() is defined: all pairs are counted anew for each merge.
std::vector<Merge> merges_by_counting(const std::string& text, std::int64_t most) {
  std::vector<Merge> merges;
  while (std::ssize(merges) < most) {
    const MergeRanks ranks = ranks_of(merges);
    std::map<Merge, std::int64_t> counts;
    for (const std::string_view word : words_of(text)) {
      const auto tokens = merge_word(word, ranks);
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) ++counts[{tokens[i], tokens[i + 1]}];
    }
    const auto best = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
    if (best == counts.end() || best->second < 2) break;
    merges.push_back(best->first);
  }
  return merges;
}

TEST(BytePairs, AreThoseOfCountingAnew) {
  RandomStream random(3);
  for (const std::uint64_t letters : {1U, 2U, 3U, 9U}) {
    std::string text;
    for (int i = 0; i < 400; ++i) {
      const std::uint64_t drawn = random.below(letters + 1);
      text += drawn == letters ? ' ' : static_cast<char>('a' + drawn);
    }
    const auto expected = merges_by_counting(text, 60);
    EXPECT_GT(expected.size(), 2U);
    EXPECT_EQ(learn_merges(text, 60), expected) << letters;
  }
}

/// Worked by hand: "ab" stands 4 times, " ab" 3 times, then nothing stands twice but " abc".
TEST(BytePairs, JoinTheMostFrequentPairWithinWords) {
  EXPECT_THAT(words_of("to be,  or\nnot"), ElementsAre("to", " be", ",", " ", " or", "\n", "not"));
  const auto merges = learn_merges("ab ab abc abc", 10);
  EXPECT_THAT(merges, ElementsAre(Merge{'a', 'b'}, Merge{' ', 256}, Merge{257, 'c'}));
  EXPECT_THAT(merge_word(" abc", ranks_of(merges)), ElementsAre(258));
  EXPECT_THAT(merge_word("cab", ranks_of(merges)), ElementsAre('c', 256));
  EXPECT_THAT(learn_merges("aaaa aaaa", 1), ElementsAre(Merge{'a', 'a'}));
  EXPECT_EQ(merge_word("aaaaa", ranks_of(std::vector<Merge>{{'a', 'a'}})), (std::vector<std::int64_t>{256, 256, 'a'}));
  const Tokenizer tokenizer = Tokenizer::train("ab ab abc abc", TokenKind::byte_pair, 258);
  EXPECT_EQ(tokenizer.vocabulary(), 258);
  EXPECT_THAT(tokenizer.encode("ab abc"), ElementsAre(256, 257, 'c'));
  EXPECT_THAT(message_of([] { Tokenizer::train("a", TokenKind::byte_pair, 256); }), HasSubstr("vocabulary = 256"));
}

TEST(Tokenizer, SurvivesJson) {
  for (const TokenKind kind : {TokenKind::byte, TokenKind::character, TokenKind::byte_pair}) {
    const Tokenizer tokenizer = Tokenizer::train("the whale, the white whale\n\"é\"", kind, 270);
    EXPECT_EQ(Tokenizer::from_json(tokenizer.to_json(), "m"), tokenizer);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("the é whale")), "the é whale");
  }
  for (const char* bad :
       {"[", "{}", R"({"kind":"words"})", R"({"kind":"byte_pair","merges":[[300,1]]})", R"({"kind":"character"})"}) {
    EXPECT_THAT(message_of([&] { Tokenizer::from_json(bad, "m"); }), HasSubstr("m: its tokenizer is damaged"));
  }
}

TEST(TokenWindows, LabelEachStepWithTheNextToken) {
  const Tokenizer tokenizer = Tokenizer::train("abcdefgh", TokenKind::character);
  const auto tokens = tokenizer.encode("abcdefgh");
  const Dataset data = token_windows(tokenizer, tokens, 3, 3, "t");
  EXPECT_THAT(data.inputs.values<std::int64_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(data.targets.values<std::int64_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(data.classes(), 9);
  data.validate();
  EXPECT_EQ(message_of([&] { token_windows(tokenizer, tokens, 8, 1, "t"); }),
            "t: 8 tokens, but a window takes 8 and the one after; shorten length in [data] text, or give more text");
}

TEST(TokenWindows, JudgeEachTokenOnce) {
  const std::string text(23, 'a');
  const Tokenizer tokenizer = Tokenizer::train(text, TokenKind::character);
  for (const std::int64_t length : {1, 2, 5, 8, 21, 22}) {
    const Dataset data = judged_windows(tokenizer, tokenizer.encode(text), length, "t");
    data.validate();
    std::int64_t judged = 0;
    for (const std::int64_t label : data.targets.values<std::int64_t>()) judged += label != kIgnoredLabel ? 1 : 0;
    EXPECT_EQ(judged, 22) << length;
  }
}

TEST(Text, IsReadPlainAndCompressed) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text(folder.write("a.txt", "\xEF\xBB\xBFone\r\ntwo\rthree\n")), "one\ntwo\nthree\n");
  const std::string whale = read_text(testing::bundled() / "moby-dick" / "moby-dick.txt.gz");
  EXPECT_EQ(count_characters(whale), 1'190'317);
  EXPECT_TRUE(whale.starts_with("CHAPTER 1. Loomings.\n\nCall me Ishmael."));
  EXPECT_EQ(Tokenizer::train(whale, TokenKind::character).vocabulary(), 84);
}

TEST(Text, RefusesWhatIsNone) {
  const TemporaryFolder folder;
  const auto complaint = [&](std::string_view text) { return message_of([&] { read_text(folder.write("a.txt", text)); }); };
  EXPECT_THAT(complaint("fine\ncaf\xE9\n"), HasSubstr("a.txt:2: byte 0xe9 is not UTF-8; save the file in UTF-8"));
  EXPECT_THAT(complaint(std::string_view("a\0b", 3)), HasSubstr("holds a NUL byte"));
  EXPECT_THAT(complaint(""), HasSubstr("a.txt: holds no text"));
  EXPECT_THAT(complaint("\x1f\x8b\x08"), HasSubstr("a.txt"));
}

}  // namespace
}  // namespace neurons
