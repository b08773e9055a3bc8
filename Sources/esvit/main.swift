print("esvit: under construction")
