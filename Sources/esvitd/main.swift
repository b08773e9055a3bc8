print("esvitd: under construction")
