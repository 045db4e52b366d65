# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenes are made of, in numbers and in words: the one list that the generator, the captions and the test prompts share."""

COLOURS = {  # sRGB
    'red': (218, 38, 38), 'orange': (245, 140, 20), 'yellow': (250, 222, 40), 'green': (36, 160, 62), 'blue': (36, 84, 220),
    'purple': (128, 48, 176), 'pink': (250, 132, 184), 'brown': (128, 78, 38), 'black': (18, 18, 18), 'white': (250, 250, 250),
    'gray': (140, 140, 140),
}
SHAPES = ['circle', 'square', 'triangle', 'star', 'cross', 'ring', 'heart', 'diamond']
SIZES = {'small': (.19, .25), 'medium': (.31, .38), 'large': (.50, .60)}  # diameter, of the shorter side
PLACES = {  # middle, of width and height
    'top left': (.2, .2), 'top': (.5, .2), 'top right': (.8, .2),
    'left': (.2, .5), 'center': (.5, .5), 'right': (.8, .5),
    'bottom left': (.2, .8), 'bottom': (.5, .8), 'bottom right': (.8, .8),
}
COUNTS = {1: 'one', 2: 'two', 3: 'three', 4: 'four'}
RELATIONS = ['left of', 'right of', 'above', 'below', 'inside']

# Words that others say for ours; a caption uses one of them now and then.
SYNONYMS = {
    'large': ['big'], 'small': ['little', 'tiny'], 'medium': ['medium-sized'], 'center': ['middle'], 'gray': ['grey'],
    'left': ['left side'], 'right': ['right side'],
}

ZH = {
    'red': '红色', 'orange': '橙色', 'yellow': '黄色', 'green': '绿色', 'blue': '蓝色', 'purple': '紫色', 'pink': '粉色',
    'brown': '棕色', 'black': '黑色', 'white': '白色', 'gray': '灰色',
    'circle': '圆形', 'square': '正方形', 'triangle': '三角形', 'star': '星形', 'cross': '十字', 'ring': '圆环', 'heart': '心形',
    'diamond': '菱形', 'small': '小', 'medium': '中等', 'large': '大',
    'top left': '左上角', 'top': '上方', 'top right': '右上角', 'left': '左边', 'center': '中间', 'right': '右边',
    'bottom left': '左下角', 'bottom': '下方', 'bottom right': '右下角',
    1: '一', 2: '两', 3: '三', 4: '四',
    'left of': '左边', 'right of': '右边', 'above': '上面', 'below': '下面', 'inside': '里面',
}

# Lettering: common words of signs, labels and slides; others are drawn at random letter by letter.
ENGLISH = '''SALE NEW OPEN HELLO CAFE TEA SHOP FREE BEST HOT COOL STAR LOVE HOME MENU PIZZA BREAD MILK FISH FRESH TODAY NEWS
INFO HELP STOP GO YES NO START END EXIT PUSH PULL WIFI BAR CLUB JAZZ ROCK MUSIC DANCE ART PHOTO FILM BOOK READ PLAN TEAM
IDEA GOAL DATA CHART TITLE PARTY HAPPY BIRTH LUCKY SUMMER WINTER SPRING AUTUMN SUN MOON SKY SEA LAKE TREE LEAF ROSE BLUE
RED GREEN PINK GOLD GIFT CARD TICKET POST MAIL CALL NOW SOON OFF MAX MINI BIG TOP PRO LAB BANK TAXI BUS TRAIN HOTEL
PARK ZOO BEACH SURF SKI RUN BIKE GYM YOGA SPA CITY TOWN'''.split()
CHINESE = '''你好 新年 快乐 春节 打折 特价 上海 北京 中国 咖啡 红茶 绿茶 面包 牛奶 水果 开门 关门 出口 入口 欢迎 谢谢 再见
早安 晚安 生日 音乐 电影 书店 花园 天空 大海 月亮 太阳 山水 春天 夏天 秋天 冬天 茶 福 狐 爱 家 美'''.split()
