"""KakaoTalk exports: found by what is in them, read in every known layout, and turned into training examples."""
