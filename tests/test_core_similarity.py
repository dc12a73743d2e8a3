"""Which names and records look alike; no database needed."""

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.matching import similarity


class TestSimilarity(BaseCase):
    def test_words(self):
        self.assertEqual(
            similarity.words("José-María O’Neil"), ["jose", "maria", "oneil"]
        )

    def test_phonetic(self):
        for one, other in (
            ("smith", "smyth"),
            ("catherine", "katherine"),
            ("johnson", "jonson"),
            ("philips", "fillips"),
        ):
            self.assertEqual(similarity.phonetic(one), similarity.phonetic(other))
        self.assertNotEqual(similarity.phonetic("miller"), similarity.phonetic("weber"))
        self.assertNotEqual(similarity.phonetic("baby1"), similarity.phonetic("baby2"))
        self.assertEqual(similarity.phonetic("иван"), "иван")
        self.assertEqual(similarity.match_codes(""), (None, None))

    def test_jaro_winkler(self):
        # Published examples of the measure.
        self.assertAlmostEqual(similarity.jaro_winkler("martha", "marhta"), 0.9611, 4)
        self.assertAlmostEqual(similarity.jaro_winkler("dixon", "dicksonx"), 0.8133, 4)
        self.assertAlmostEqual(similarity.jaro_winkler("dwayne", "duane"), 0.84, 4)
        self.assertEqual(similarity.jaro_winkler("abc", "xyz"), 0.0)
        self.assertEqual(similarity.jaro_winkler("", "xyz"), 0.0)

    def test_names(self):
        same = similarity.name_similarity
        self.assertEqual(same("Anna Maria Weber", "Anna Weber"), 1.0)
        self.assertEqual(same("Weber Anna", "Anna Weber"), 1.0)
        self.assertGreater(same("Jon Smyth", "John Smith"), 0.85)
        self.assertEqual(same("Boy 1 Weber", "Boy 2 Weber"), 0.0)
        self.assertEqual(same("John Weber", "Jane Weber"), 0.5)
        self.assertEqual(same("", "Jane Weber"), 0.0)

    def test_evidence(self):
        one = {
            "name": "Jon Smyth",
            "phone": "+1 (555) 010-0200",
            "street": "1 Main St.",
            "zip": "62701",
        }
        alike = {
            "name": "John Smith",
            "phone": "555 010 0200",
            "street": "1, Main St",
            "zip": "62701",
        }
        total, agrees = similarity.score(one, alike)
        self.assertEqual(total, 1.0)
        self.assertEqual(agrees, ["similar_name", "phone", "address"])
        moved = dict(alike, name="Jon Smyth", phone="555 999", street="9 Elsewhere")
        self.assertAlmostEqual(similarity.score(one, moved)[0], 0.9)

    def test_twins_are_two_people(self):
        home = {"phone": "555 010 0200", "street": "1 Main St", "zip": "62701"}
        twins = [{"name": f"{given} Weber", **home} for given in ("Anna", "Emma")]
        self.assertLess(similarity.score(*twins)[0], 0.85)
        brother = {"name": "Sam Weber", "sex": "male", **home}
        sister = {"name": "Sam Weber", "sex": "female"}
        self.assertAlmostEqual(similarity.score(brother, sister)[0], 0.8)
