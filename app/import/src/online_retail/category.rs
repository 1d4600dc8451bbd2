//! Guesses a product's category from its name, because the file has no categories.
//!
//! The first row with a word of the name decides. Rows about purpose stand above rows about material or shape: a
//! Christmas candle is seasonal, a heart-shaped bowl belongs to the kitchen. A plural counts as its singular.

/// A category, and its words in capitals.
const RULES: [(&str, &str); 14] = [
    ("gift-vouchers", "VOUCHER"),
    (
        "seasonal",
        "ADVENT BAUBLE CHRISTMA EASTER HALLOWEEN REINDEER SANTA SNOWFLAKE SNOWMAN VALENTINE XMA",
    ),
    (
        "jewellery",
        "ANKLET BANGLE BRACELET BROOCH CHARM CUFFLINK DIAMANTE EARRING HAIRCLIP HAIRGRIP HAIRSLIDE JEWELLERY \
         NECKLACE PENDANT RING",
    ),
    ("gift-wrap", "GIFTWRAP RIBBON TISSUE WRAP WRAPPING"),
    ("bags", "BACKPACK BAG HANDBAG LUGGAGE PURSE RUCKSACK SHOPPER WALLET"),
    (
        "lighting",
        "CANDLE CANDLEHOLDER CANDLESTICK CHANDELIER INCENSE LAMP LANTERN LIGHT LIGHTSHADE NIGHTLIGHT TEALIGHT",
    ),
    (
        "garden",
        "BIRDHOUSE GARDEN GARDENER GNOME HERB PARASOL PLANT PLANTER SEED TROWEL WATERING",
    ),
    ("party", "BALLOON BIRTHDAY BUNTING GARLAND NAPKIN PARTY PINATA STREAMER"),
    (
        "toys",
        "BABUSHKA CHILDREN CHILD DINOSAUR DOLL DOMINO GAME JIGSAW PLAYING PUPPET PUZZLE SKITTLE SPACEBOY TOY",
    ),
    (
        "stationery",
        "ALBUM BOOK CALENDAR CARD CHALK CHALKBOARD ENVELOPE ERASER JOURNAL LETTER NOTEBOOK NOTEPAD PAPER PEN \
         PENCIL RUBBER SKETCHBOOK STAMP STATIONERY STICKER TAPE",
    ),
    (
        "kitchen",
        "APRON BAKING BEAKER BOTTLE BOWL BREAD BUTTER CAKE CAKESTAND CHOPPING COASTER COFFEE COOKIE CUP \
         CUTLERY DINNER DISH EGG JAM JAR JELLY JUG KITCHEN LUNCH MILK MUG OVEN PANTRY PLATE RECIPE SAUCER \
         SPATULA SPICE SPOON TEA TEACUP TEAPOT TRAY TUMBLER",
    ),
    (
        "textiles",
        "BLANKET CURTAIN CUSHION DOORMAT GLOVE HANDKERCHIEF HAT MAT PONCHO QUILT RUG SCARF SHAWL SLIPPER SOCK \
         THROW TOWEL UMBRELLA",
    ),
    (
        "storage",
        "BASKET BIN BOX BOXE CABINET CASE CHEST CRATE DRAWER HANGER HOOK HOLDER RACK SHELF STORAGE TIDY TIN \
         TRINKET",
    ),
    (
        "decoration",
        "ART BELL BUTTERFLY CHIME CLOCK DECORATION DOORKNOB DOORSTOP FLOWER FRAME GLOBE HANGING HEART KNOB \
         MAGNET MIRROR ORNAMENT PHOTO PICTURE SIGN STAR TREE VASE WALL WREATH",
    ),
];

/// Category of names without a known word.
const OTHER: &str = "other";

/// The category of a product with this name.
pub(super) fn guess_category(name: &str) -> &'static str {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name
        .split(|letter: char| !letter.is_alphanumeric())
        .map(|word| word.strip_suffix('S').unwrap_or(word))
        .collect();
    let says = |of_category: &str| of_category.split_ascii_whitespace().any(|word| words.contains(&word));
    let rule = RULES.iter().find(|(_, of_category)| says(of_category));
    rule.map_or(OTHER, |(category, _)| category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_file_fall_where_a_shopper_would_look() {
        for (name, category) in [
            ("WHITE HANGING HEART T-LIGHT HOLDER", "lighting"),
            ("WHITE METAL LANTERN", "lighting"),
            ("JUMBO BAG RED RETROSPOT", "bags"),
            ("REGENCY CAKESTAND 3 TIER", "kitchen"),
            ("SET OF 3 CAKE TINS PANTRY DESIGN", "kitchen"),
            ("PAPER CHAIN KIT 50'S CHRISTMAS", "seasonal"),
            ("PARTY BUNTING", "party"),
            ("Silver Earrings", "jewellery"),
            ("Dotcomgiftshop Gift Voucher £10.00", "gift-vouchers"),
            ("HAND WARMER UNION JACK", "other"),
            ("ASSORTED COLOUR BIRD ORNAMENT", "decoration"),
            ("", "other"),
        ] {
            assert_eq!(guess_category(name), category, "{name}");
        }
    }

    #[test]
    fn every_word_can_match() {
        for word in RULES.iter().flat_map(|(_, words)| words.split_ascii_whitespace()) {
            assert!(
                word.bytes().all(|byte| byte.is_ascii_uppercase()) && !word.ends_with('S'),
                "{word}"
            );
        }
    }
}
