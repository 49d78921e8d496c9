"""Makes speech/*.ogg, which the language tests hear (needs espeak-ng and ffmpeg):
`python tests/integration/transcriber/make_speech.py`. The files are kept, so that tests need neither."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "speech"
SPOKEN = {
    "de": "Guten Morgen, meine Damen und Herren. Heute sprechen wir über die Geschichte unserer "
    "Stadt. Vor zweihundert Jahren lebten hier nur wenige Fischer. Der Hafen war klein, und "
    "im Winter war der Fluss gefroren. Später kam die Eisenbahn, und alles wurde anders.",
    "fr": "Bonjour à tous et bienvenue. Aujourd'hui nous parlons de l'histoire de notre ville. Il y"
    " a deux cents ans, seuls quelques pêcheurs vivaient ici. Le port était petit, et en "
    "hiver la rivière était gelée. Plus tard, le chemin de fer est arrivé et tout a changé.",
    "es": "Buenos días a todos y bienvenidos. Hoy hablamos de la historia de nuestra ciudad. Hace "
    "doscientos años vivían aquí solo unos pocos pescadores. El puerto era pequeño, y en "
    "invierno el río se helaba. Más tarde llegó el ferrocarril y todo cambió.",
    "it": "Buongiorno a tutti e benvenuti. Oggi parliamo della storia della nostra città. Duecento "
    "anni fa vivevano qui soltanto pochi pescatori. Il porto era piccolo, e in inverno il "
    "fiume era ghiacciato. Più tardi arrivò la ferrovia e tutto cambiò.",
}
VOICES = {"fr": "fr+klatt"}
"""espeak-ng's own French voice is too blurred for Whisper base, which takes it for Latin."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for language, text in SPOKEN.items():
        speech = subprocess.run(
            ["espeak-ng", "-v", VOICES.get(language, language), "-s", "150", "--stdout", text],
            capture_output=True,
            check=True,
        )
        encode = [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-i",
            "-",
            "-ar",
            "16000",
            "-c:a",
            "libvorbis",
            "-q:a",
            "2",
        ]
        keep = ["-map_metadata", "-1", "-fflags", "+bitexact", str(FOLDER / f"{language}.ogg")]
        subprocess.run([*encode, *keep], input=speech.stdout, check=True)


if __name__ == "__main__":
    main()
